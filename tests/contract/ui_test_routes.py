"""The routes of UI test runs, in both forms, for the table of all routes (routes.py)."""

from tests.contract.route import read, write

RUNS, RUN = "/projects/{project}/ui_test_runs", "/ui_test_runs/{ui_test_run_id}"
GUIDED = "/projects/{project}/ui-tests"
ONE = GUIDED + "/{ui_test_run_id}"
FINDING = {"severity": "bug", "title": "t", "steps": "s", "expected": "e", "actual": "a"}
SEEN = {"severity": "high", "step": "3", "type": "crash", "description": "d", "screenshot_path": "a.png"}

UI_TEST_RUNS = (
    write("POST", RUNS, "agent+", 201, "implementer", body={"notes": "n"}),
    read(RUNS, query={"status": "running"}),
    read(RUN),
    write("POST", RUN + "/findings", "agent+", 201, "implementer", body=FINDING),
    write("POST", RUN + "/complete", "agent+", 200, "implementer", body={"summary": "s"}),
    write("POST", RUN + "/cancel", "agent+", 200, "implementer"),
    write("POST", GUIDED, "agent+", 201, "implementer", body={"guide_reference": "docs/a.md"}),
    read(GUIDED, query={"status": "in_progress"}),
    read(ONE),
    write("POST", ONE + "/findings", "agent+", 200, "implementer", body=SEEN),
    write("POST", ONE + "/complete", "agent+", 200, "implementer", body={"status": "passed", "summary": "s"}),
    write("POST", ONE + "/cancel", "agent+", 200, "implementer"),
)
