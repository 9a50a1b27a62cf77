"""The exporters of the Python SDK of OpenTelemetry, against a real server: bytes that we have not made ourselves."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.util.types import AnyValue

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run

NEVER = 3_600_000.0
"""Milliseconds: what is exported is what the test says."""


class Heard(OTLPMetricExporter):
    """Remembers how each export ended."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.results: list[MetricExportResult] = []

    def export(self, metrics_data: MetricsData, *given: Any, **more: Any) -> MetricExportResult:
        self.results.append(super().export(metrics_data, *given, **more))
        return self.results[-1]


@pytest.fixture
def story(shell: Shell, project: str) -> str:
    found = shell.good("stories", "--project", project)["data"]
    return str(found[0]["id"])


@pytest.fixture
def resource(story: str) -> Resource:
    return Resource.create({"service.name": "an-agent", "loopctl.story_id": story, "session.id": "s-1"})


@pytest.fixture
def given(running: Run, keys: Keys) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {keys.implementer}"}, "timeout": 60}


@pytest.fixture(params=[Compression.NoCompression, Compression.Gzip], ids=lambda each: str(each.value))
def exporter(request: pytest.FixtureRequest, running: Run, given: dict[str, Any]) -> Iterator[Heard]:
    made = Heard(endpoint=f"{running.address}/api/v1/otlp/v1/metrics", compression=request.param, **given)
    yield made
    made.shutdown()


def metered(shell: Shell, story: str, signal: str) -> Any:
    return shell.good("token-usage", "--story", story)["metered"][signal]


def test_a_histogram_of_tokens_is_a_running_total(
    shell: Shell, story: str, resource: Resource, exporter: Heard
) -> None:
    """Each export of the SDK tells all that there was since the process began."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=NEVER)
    provider = MeterProvider(metric_readers=[reader], resource=resource)
    tokens = provider.get_meter("agent").create_histogram("gen_ai.client.token.usage", unit="{token}")
    shown = []
    for amount in (1_000, 200, 30):
        for kind in ("input", "output"):
            said = {"gen_ai.token.type": kind, "gen_ai.request.model": "claude-sonnet-4-5"}
            tokens.record(amount, {**said, "gen_ai.operation.name": "chat"})
        assert provider.force_flush()
        shown.append(metered(shell, story, "metrics")["total_tokens"])
    provider.shutdown()
    assert shown == [2_000, 2_400, 2_460]
    assert metered(shell, story, "metrics")["total_tokens"] == 2_460
    assert set(exporter.results) == {MetricExportResult.SUCCESS}


def test_spans_of_calls_are_taken_in(
    shell: Shell, story: str, resource: Resource, running: Run, given: dict[str, Any]
) -> None:
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{running.address}/api/v1/otlp/v1/traces", **given)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("agent").start_as_current_span("chat") as span:
        span.set_attribute("gen_ai.request.model", "claude-sonnet-4-5")
        span.set_attribute("gen_ai.usage.input_tokens", 700)
        span.set_attribute("gen_ai.usage.output_tokens", 42)
    provider.shutdown()
    assert metered(shell, story, "spans")["total_tokens"] == 742


def test_log_records_of_calls_are_taken_in(
    shell: Shell, story: str, resource: Resource, running: Run, given: dict[str, Any]
) -> None:
    """As a coding agent writes them: the event's name is the body of the record."""
    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(endpoint=f"{running.address}/api/v1/otlp/v1/logs", **given)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    counts: dict[str, AnyValue] = {
        "input_tokens": 700,
        "output_tokens": 42,
        "cache_read_tokens": "5000",
        "cost_usd": 0.01,
    }
    said: dict[str, AnyValue] = {"event.name": "api_request", "model": "claude-sonnet-4-5", **counts}
    provider.get_logger("agent").emit(LogRecord(body="claude_code.api_request", attributes=said))
    provider.shutdown()
    assert metered(shell, story, "logs")["total_tokens"] == 5_742
    assert metered(shell, story, "logs")["total_cost_millicents"] == 1_000


def test_without_a_key_nothing_is_taken(shell: Shell, story: str, resource: Resource, running: Run) -> None:
    """The control: an exporter hears of a refusal."""
    exporter = Heard(endpoint=f"{running.address}/api/v1/otlp/v1/metrics", timeout=60)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=NEVER)
    provider = MeterProvider(metric_readers=[reader], resource=resource)
    provider.get_meter("agent").create_counter("claude_code.token.usage").add(5, {"type": "input"})
    provider.force_flush()
    provider.shutdown()
    assert MetricExportResult.FAILURE in exporter.results
    assert metered(shell, story, "metrics") is None
