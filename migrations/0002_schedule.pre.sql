-- Runs of the periodic jobs. Global: no tenant owns a schedule, and a job that serves tenants opens their transactions.
CREATE TABLE app.scheduled_run (
    job         text        NOT NULL CHECK (job ~ '^[a-z][a-z0-9_]{0,62}$'),
    tick_at     timestamptz NOT NULL,
    run_id      uuid        NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT now(),
    wake_at     timestamptz NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease_token uuid,
    lease_until timestamptz,
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('done', 'failed')),
    error_class text CHECK (length(error_class) <= 200),
    -- The claim: whoever inserts the row has the tick, and nobody else ever gets it.
    PRIMARY KEY (job, tick_at),
    UNIQUE (run_id),
    CHECK (lease_token IS NULL OR lease_until IS NOT NULL),
    CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CHECK (finished_at IS NULL OR lease_token IS NULL)
);

COMMENT ON COLUMN app.scheduled_run.wake_at IS 'when the sweeper sends the next wake-up, unless a lease is running';
COMMENT ON COLUMN app.scheduled_run.lease_until IS 'nobody else may start before; without a token, a pause after a failure';
COMMENT ON COLUMN app.scheduled_run.error_class IS 'class of the last error, never its text';

-- One unfinished run of a job at a time: no overlap, and after an outage one run instead of one for every missed tick.
CREATE UNIQUE INDEX scheduled_run_unfinished ON app.scheduled_run (job) WHERE finished_at IS NULL;
CREATE INDEX scheduled_run_finished ON app.scheduled_run (finished_at) WHERE finished_at IS NOT NULL;

GRANT SELECT, DELETE ON app.scheduled_run TO loopctl_worker;
GRANT INSERT (job, tick_at, run_id, wake_at) ON app.scheduled_run TO loopctl_worker;
GRANT UPDATE (wake_at, attempts, lease_token, lease_until, finished_at, outcome, error_class)
    ON app.scheduled_run TO loopctl_worker;
