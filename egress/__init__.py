"""The one way out: requests that the service itself sends to addresses that others chose."""
