"""What coding agents measure of themselves with OpenTelemetry: /api/v1/otlp (docs/costs.md)."""
