-- The tables of one application. Braces: see statements.py. Version: SCHEMA_VERSION in opening.py.
--
-- What decided the shape, measured (benchmarks/sqlite_steps.py; decisions are about one task, no-op):
--   * A commit costs 3 us for each page it touches, so each b-tree more costs 3 us for a single call. Where one
--     b-tree can do (keys that are looked up, rows that are short), the table is WITHOUT ROWID.
--   * An index condition is evaluated at every change of a row: comparisons cost nothing that could be measured,
--     IN with more than two values builds a table of them each time (9 us for a change of status).
--   * Ids are ordered by time, so new rows go to the right edge of every b-tree, at any size.

CREATE TABLE {p}invocations (
    -- Short, for history and index entries.
    number INTEGER PRIMARY KEY,
    invocation_id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    args_id TEXT NOT NULL,
    parent_id TEXT,
    workflow_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    parent_workflow_id TEXT,
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    not_before REAL,
    registration_key TEXT,
    running_key TEXT,
    drop_when_blocked INTEGER NOT NULL,
    registered_by TEXT NOT NULL,
    reply_to TEXT,
    registered_at REAL NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    attempt INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    recoveries INTEGER NOT NULL,
    changed_at REAL NOT NULL,
    claimed_at REAL,
    cancel_requested INTEGER NOT NULL,
    -- For the triggers that write history: who wrote the present status, and the number of its entry there.
    actor TEXT,
    last_change INTEGER NOT NULL
);
CREATE INDEX {p}invocations_of_task ON {p}invocations (task_id, invocation_id);
CREATE INDEX {p}invocations_of_parent ON {p}invocations (parent_id, invocation_id) WHERE parent_id IS NOT NULL;
-- Most workflows have no other member than the invocation that gave them its id.
CREATE INDEX {p}invocations_of_workflow ON {p}invocations (workflow_id, invocation_id)
    WHERE workflow_id <> invocation_id;
-- The owned, the unowned that are not a plain success, and the final ones: three indexes that follow a task with
-- two entries each at most, where one index of all statuses would be written at every change.
CREATE INDEX {p}invocations_owned ON {p}invocations (owner) WHERE owner IS NOT NULL;
CREATE INDEX {p}invocations_unowned ON {p}invocations (status, invocation_id)
    WHERE owner IS NULL AND status <> 'success';
CREATE INDEX {p}invocations_final ON {p}invocations (changed_at) WHERE {is_final};
CREATE INDEX {p}invocations_unstarted ON {p}invocations (registration_key, invocation_id)
    WHERE registration_key IS NOT NULL AND {is_unstarted};
CREATE INDEX {p}invocations_in_scope ON {p}invocations (running_key, claimed_at, invocation_id)
    WHERE running_key IS NOT NULL AND owner IS NOT NULL;
CREATE INDEX {p}invocations_in_line ON {p}invocations (running_key, priority DESC, invocation_id)
    WHERE running_key IS NOT NULL AND status = 'concurrency_controlled';
-- Nearly empty at any time: asked at every wait whether somebody above waits in the same call.
CREATE INDEX {p}invocations_paused ON {p}invocations (args_id) WHERE status = 'paused';
CREATE INDEX {p}invocations_delayed ON {p}invocations (not_before) WHERE not_before IS NOT NULL AND {is_available};

-- Every write of a status writes history: here, where it cannot be forgotten. The entries of an invocation are a chain
-- from its last_change backwards, so that history needs no second b-tree: a b-tree is 7 % of a step.
CREATE TABLE {p}history (
    sequence INTEGER PRIMARY KEY,
    -- The entry before, or NULL in the first.
    previous INTEGER,
    -- invocations.number; 0 in the row that remembers the last sequence number after what it belonged to was dropped.
    invocation INTEGER NOT NULL,
    status TEXT NOT NULL,
    actor TEXT,
    owner TEXT,
    attempt INTEGER NOT NULL,
    timestamp REAL NOT NULL
);
CREATE INDEX {p}history_marks ON {p}history (invocation) WHERE invocation = 0;
CREATE TRIGGER {p}history_of_new AFTER INSERT ON {p}invocations BEGIN
    INSERT INTO {p}history VALUES (
        NEW.last_change, NULL, NEW.number, NEW.status, NEW.actor, NEW.owner, NEW.attempt, NEW.changed_at
    );
END;
CREATE TRIGGER {p}history_of_changed AFTER UPDATE OF status ON {p}invocations BEGIN
    INSERT INTO {p}history VALUES (
        NEW.last_change, OLD.last_change, NEW.number, NEW.status, NEW.actor, NEW.owner, NEW.attempt, NEW.changed_at
    );
END;

-- How many have ended, so that counting does not read a million rows.
CREATE TABLE {p}final_counts (
    task_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    status TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (task_id, queue, status)
) WITHOUT ROWID;
CREATE TRIGGER {p}count_final AFTER UPDATE OF status ON {p}invocations WHEN {new_is_final} BEGIN
    INSERT INTO {p}final_counts VALUES (NEW.task_id, NEW.queue, NEW.status, 1)
    ON CONFLICT (task_id, queue, status) DO UPDATE SET count = count + 1;
END;

-- Waits-for edges. '' stands for no waiter (a client that watches) and for no address: a key has no NULL.
CREATE TABLE {p}waits (
    awaited_id TEXT NOT NULL,
    waiter_id TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (awaited_id, waiter_id, address)
) WITHOUT ROWID;
CREATE INDEX {p}waits_of_waiter ON {p}waits (waiter_id) WHERE waiter_id <> '';

CREATE TABLE {p}runners (
    runner_id TEXT PRIMARY KEY,
    runner_cls TEXT NOT NULL,
    parent_id TEXT,
    hostname TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at REAL NOT NULL,
    last_beat REAL NOT NULL,
    stopped_at REAL,
    -- A JSON array.
    queues TEXT NOT NULL,
    slots INTEGER NOT NULL,
    version TEXT NOT NULL,
    address TEXT
) WITHOUT ROWID;
CREATE TABLE {p}duties (
    duty TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;

-- The number of an entry is its age.
CREATE TABLE {p}queue (
    number INTEGER PRIMARY KEY,
    invocation_id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    dependents INTEGER NOT NULL
);
CREATE INDEX {p}queue_order ON {p}queue (queue, lane, priority DESC, dependents DESC);

CREATE TABLE {p}calls (
    invocation_id TEXT PRIMARY KEY,
    arguments TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE {p}outcomes (
    invocation_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    runner_id TEXT NOT NULL,
    started_at REAL NOT NULL,
    finished_at REAL NOT NULL,
    result TEXT,
    error TEXT,
    error_type TEXT,
    error_message TEXT,
    traceback TEXT,
    PRIMARY KEY (invocation_id, attempt)
) WITHOUT ROWID;
CREATE TABLE {p}cached_results (
    task_id TEXT NOT NULL,
    args_id TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    PRIMARY KEY (task_id, args_id)
) WITHOUT ROWID;
CREATE INDEX {p}cached_results_of_invocation ON {p}cached_results (invocation_id);
CREATE TABLE {p}workflow_data (
    workflow_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (workflow_id, key)
) WITHOUT ROWID;
-- What workflows recorded. Positions below 0 are markers that have no place in the order.
CREATE TABLE {p}workflow_log (
    log_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL,
    value TEXT,
    failed INTEGER NOT NULL,
    dealt_with INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    recorded_at REAL NOT NULL,
    PRIMARY KEY (log_id, position)
) WITHOUT ROWID;
-- Who opened a log last: nobody else may write to it.
CREATE TABLE {p}workflow_fences (
    log_id TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    attempt INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE {p}workflow_continuations (
    invocation_id TEXT PRIMARY KEY,
    log_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    UNIQUE (log_id, generation)
) WITHOUT ROWID;
CREATE TABLE {p}registry (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- Apart from the texts: to be used again must not rewrite megabytes.
CREATE TABLE {p}client_data (
    key TEXT PRIMARY KEY,
    put_at REAL NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX {p}client_data_by_age ON {p}client_data (put_at);
CREATE TABLE {p}client_data_texts (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL
);
CREATE TABLE {p}client_data_uses (
    invocation_id TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (invocation_id, key)
) WITHOUT ROWID;
CREATE INDEX {p}client_data_uses_of_key ON {p}client_data_uses (key);

-- version: of the definitions; turn: how many evaluations were completed.
CREATE TABLE {p}trigger_counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO {p}trigger_counters VALUES ('version', 0), ('turn', 0);
CREATE TABLE {p}trigger_definitions (
    definition_id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    text TEXT NOT NULL,
    registered_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE {p}trigger_marks (
    schedule TEXT PRIMARY KEY,
    definition_id TEXT NOT NULL,
    time REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE {p}occurrences (
    -- Never used again, for those who follow the log: they would miss what takes the place of the newest.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL,
    invocation_id TEXT,
    attempt INTEGER,
    status TEXT,
    pending INTEGER NOT NULL
);
CREATE INDEX {p}occurrences_pending ON {p}occurrences (pending, position) WHERE pending = 1;
CREATE INDEX {p}occurrences_by_age ON {p}occurrences (at) WHERE pending = 0;
CREATE INDEX {p}occurrences_of_source ON {p}occurrences (source, position);
CREATE INDEX {p}occurrences_since ON {p}occurrences (source, at);
-- Workflows that left their worker until an event comes.
CREATE TABLE {p}event_waiters (
    invocation_id TEXT PRIMARY KEY,
    wait INTEGER NOT NULL,
    source TEXT NOT NULL,
    wanted TEXT,
    after INTEGER NOT NULL,
    unchecked INTEGER NOT NULL,
    woken_for TEXT
) WITHOUT ROWID;
CREATE INDEX {p}event_waiters_of_source ON {p}event_waiters (source) WHERE woken_for IS NULL;
CREATE INDEX {p}event_waiters_unchecked ON {p}event_waiters (unchecked) WHERE unchecked = 1 AND woken_for IS NULL;
CREATE INDEX {p}event_waiters_woken ON {p}event_waiters (invocation_id) WHERE woken_for IS NOT NULL;
CREATE INDEX {p}event_waiters_woken_for ON {p}event_waiters (woken_for) WHERE woken_for IS NOT NULL;
CREATE TABLE {p}trigger_tokens (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    definition_id TEXT NOT NULL,
    place TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX {p}trigger_tokens_by_age ON {p}trigger_tokens (at);
CREATE INDEX {p}trigger_tokens_of_definition ON {p}trigger_tokens (definition_id, number);
CREATE TABLE {p}firings (
    number INTEGER PRIMARY KEY,
    firing_id TEXT NOT NULL UNIQUE,
    definition_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    at REAL NOT NULL,
    causes TEXT NOT NULL,
    invocation_id TEXT,
    error TEXT,
    call TEXT
);
CREATE INDEX {p}firings_of_definition ON {p}firings (definition_id, number);
CREATE INDEX {p}firings_unsettled ON {p}firings (number) WHERE call IS NOT NULL;
CREATE INDEX {p}firings_by_age ON {p}firings (at) WHERE call IS NULL;
