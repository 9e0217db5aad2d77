-- Conveyor's tables as the canonical relation of facts (docs/design/ledger.md). Every view of facts has the same
-- columns:
--   kind, id, seq, task_id, task, at, instant, actor, severity, summary, correlation, attributes
-- Two functions come from the connection: instant_of(text) gives microseconds, or NULL where the text is no instant in
-- UTC, and asked_instant() the instant that is asked about. Times are compared as instants: their texts mix `Z` and `.000Z`.
-- A row is left out only where it is known to be later than what is asked: one without a readable time is for the reader
-- to refuse. Conveyor's tables are called by their full names, so that SQLite's complaints name them.
-- A third, asked_head(), is the `seq` up to which receipts are read: as the ledger stood when it held no more. Its `+`
-- keeps SQLite from going through all receipts in the order of their `seq`.

-- Flat, so that conditions reach Conveyor's indexes on (event_type, timestamp) and (task_id, timestamp).
CREATE TEMP VIEW receipt AS
SELECT event_type AS kind, id, rowid AS seq, task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = telemetry_events.task_id) AS task,
       timestamp AS at, instant_of(timestamp) AS instant, actor, severity, summary,
       correlation_json AS correlation, attributes_json AS attributes
FROM main.telemetry_events
WHERE +rowid <= asked_head();

CREATE TEMP VIEW entity_task AS
SELECT 'task' AS kind, id, rowid AS seq, id AS task_id, name AS task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation, json_object('name', name, 'state', state) AS attributes
FROM main.tasks
WHERE (instant_of(created_at) > asked_instant()) IS NOT TRUE;

-- The binding of each task that was active at the instant: one that is not over now (found by the partial index), else one
-- that was ended, or marked as invalid, since. An end at the very instant counts. No index leads to bindings that are over:
-- the set of tasks that have any is made at most once a query, and only they are searched.
CREATE TEMP VIEW active_binding AS
SELECT bindings.id, bindings.rowid AS seq, tasks.id AS task_id, tasks.name AS task, bindings.created_at,
       iif(bindings.state IN ('ended', 'invalid'), 'active', bindings.state) AS state,
       iif(bindings.state IN ('ended', 'invalid'), NULL, bindings.ended_at) AS ended_at,
       bindings.manager_session_id, bindings.worker_session_id
FROM main.tasks
JOIN main.bindings ON bindings.rowid = coalesce(
    (SELECT bound.rowid FROM main.bindings AS bound
     WHERE bound.task_id = tasks.id AND bound.state IN ('active', 'ending')
       AND (instant_of(bound.created_at) > asked_instant()) IS NOT TRUE
     ORDER BY instant_of(bound.created_at) DESC, bound.rowid DESC LIMIT 1),
    CASE WHEN tasks.id IN (SELECT task_id FROM main.bindings
                           WHERE state IN ('ended', 'invalid') AND instant_of(ended_at) > asked_instant()) THEN
        (SELECT bound.rowid FROM main.bindings AS bound
         WHERE bound.task_id = tasks.id AND bound.state IN ('ended', 'invalid')
           AND instant_of(bound.ended_at) > asked_instant()
           AND (instant_of(bound.created_at) > asked_instant()) IS NOT TRUE
         ORDER BY instant_of(bound.created_at) DESC, bound.rowid DESC LIMIT 1)
    END);

CREATE TEMP VIEW entity_binding AS
SELECT 'binding' AS kind, id, seq, task_id, task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       json_object('state', state, 'worker_session_id', worker_session_id, 'manager_session_id', manager_session_id,
                   'ended_at', ended_at) AS attributes
FROM active_binding;

-- The receipts that stamp a session's heartbeat, in whatever task: up to the instant, and of one `kind`, which the index
-- on (event_type, timestamp) finds. The text bound, the second after the instant, skips what is later.
CREATE TEMP VIEW heartbeat AS
SELECT event_type AS kind, id, rowid AS seq, task_id, timestamp AS at, instant_of(timestamp) AS instant,
       iif(event_type = 'app_heartbeat',
           iif(json_valid(attributes_json), json_extract(attributes_json, '$.session_id'), NULL),
           iif(json_valid(correlation_json), json_extract(correlation_json, '$.session_id'), NULL)) AS session_id,
       is_plain(iif(event_type = 'app_heartbeat', attributes_json, correlation_json), 'session_id')
           AND is_valid(event_type, NULL, actor, severity, summary, correlation_json, attributes_json) AS plain
FROM main.telemetry_events
WHERE timestamp < strftime('%Y-%m-%dT%H:%M:%S', asked_instant() / 1000000 + 1, 'unixepoch')
  AND +rowid <= asked_head() AND instant_of(timestamp) <= asked_instant();

-- The receipts of rotations that gave a worker's session another thread, and so left it without a heartbeat. One that
-- cannot be read may be of any session of its task.
CREATE TEMP VIEW rotation AS
SELECT seq, id, task_id, at, instant, instant + iif(instr(at, '.'), 0, 999999) AS latest,
       iif(plain, json_extract(attributes, '$.old_worker_session_id'), NULL) AS session_id,
       iif(plain, json_extract(attributes, '$.old_worker_thread_id'), NULL) AS thread_id
FROM (SELECT rowid AS seq, id, task_id, timestamp AS at, instant_of(timestamp) AS instant, attributes_json AS attributes,
             json_valid(attributes_json) AND is_plain(attributes_json, 'session_updated', 'old_worker_session_id',
                                                      'old_worker_thread_id') AS plain
      FROM main.telemetry_events
      WHERE event_type = 'app_worker_rotation_recorded' AND +rowid <= asked_head())
WHERE iif(plain, json_type(attributes, '$.session_updated') = 'true', 1);

-- The rows of `events` that register a session by its id, and those that register a disposable pair by its names. `events` is
-- indexed by its tasks: a session is registered under none, a pair under the task that it is bound to.
CREATE TEMP VIEW registered AS
SELECT id AS seq, created_at AS at, instant_of(created_at) AS instant,
       iif(json_valid(payload_json), json_extract(payload_json, '$.session_id'), NULL) AS session_id
FROM main.events
WHERE task_id IS NULL AND +type = 'session_registered';

CREATE TEMP VIEW registered_pair AS
SELECT id AS seq, created_at AS at, instant_of(created_at) AS instant, task_id,
       iif(json_valid(payload_json), json_extract(payload_json, '$.manager'), NULL) AS manager_name,
       iif(json_valid(payload_json), json_extract(payload_json, '$.worker'), NULL) AS worker_name
FROM main.events
WHERE +type = 'disposable_binding_created';

CREATE TEMP VIEW sitting AS
SELECT task_id, manager_session_id, worker_session_id FROM main.bindings;

CREATE TEMP VIEW entity_registration AS
SELECT 'registration' AS kind, seq || '#' || role AS id, seq, NULL AS task_id, NULL AS task,
       at, instant, NULL AS actor, NULL AS severity, '' AS summary, '{}' AS correlation,
       json_object('session_id', session_id) AS attributes
FROM (SELECT registered.seq, registered.at, registered.instant, sessions.role, sessions.id AS session_id
      FROM registered JOIN main.sessions ON sessions.id = registered.session_id
      UNION ALL
      SELECT pair.seq, pair.at, pair.instant, sessions.role, sessions.id
      FROM registered_pair AS pair JOIN main.sessions ON sessions.name IN (pair.manager_name, pair.worker_name))
WHERE (instant > asked_instant()) IS NOT TRUE;

-- Both seats of the active binding, whether or not their sessions are there, as the sessions' rows have them now.
CREATE TEMP VIEW seated AS
SELECT binding.id AS binding_id, binding.task_id, binding.task, binding.created_at, place.seq, place.role,
       sessions.id AS session_id, sessions.name AS session_name, sessions.state, sessions.codex_app_thread_id AS thread_id,
       sessions.codex_app_thread_title AS thread_title, sessions.tmux_session, sessions.registered_at,
       sessions.last_heartbeat_at
FROM active_binding AS binding
JOIN (SELECT 1 AS seq, 'manager' AS role UNION ALL SELECT 2, 'worker') AS place
LEFT JOIN main.sessions
  ON sessions.id = iif(place.role = 'manager', binding.manager_session_id, binding.worker_session_id);

-- DISTINCT, so that what makes up the attributes is worked out once, however often a query reads them.
CREATE TEMP VIEW entity_seat AS
SELECT DISTINCT 'seat' AS kind, coalesce(session_id, binding_id || '#' || role) AS id, seq, task_id, task,
       created_at AS at, instant_of(created_at) AS instant,
       NULL AS actor, NULL AS severity, '' AS summary, '{}' AS correlation,
       json_object(
           'role', role, 'binding_id', binding_id, 'session_id', session_id, 'session_name', session_name,
           'state', state, 'thread_id', thread_then, 'thread_title', iif(rotated IS NULL, thread_title, NULL),
           'tmux_session', tmux_session, 'heartbeat_at', heartbeat_then, 'registered_at', registered_at) AS attributes
FROM seated_then;

CREATE TEMP VIEW entity_notification AS
SELECT 'notification' AS kind, CAST(id AS TEXT) AS id, id AS seq, task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = routed_notifications.task_id) AS task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       json_object(
           'correlation_id', correlation_id, 'signal_type', signal_type,
           'role', (SELECT role FROM main.sessions WHERE sessions.id = routed_notifications.target_session_id),
           'target_session_id', target_session_id, 'binding_id', binding_id,
           'state', iif(instant_of(delivered_at) > asked_instant(), 'pending', state),
           'delivery_mode', delivery_mode, 'created_at', created_at,
           'delivered_at', iif(instant_of(delivered_at) > asked_instant(), NULL, delivered_at),
           'consumed_at', iif(instant_of(consumed_at) > asked_instant(), NULL, consumed_at)) AS attributes
FROM main.routed_notifications
WHERE (instant_of(created_at) > asked_instant()) IS NOT TRUE;

CREATE TEMP VIEW entity_acknowledgement AS
SELECT 'acknowledgement' AS kind, CAST(id AS TEXT) AS id, id AS seq, task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = notification_acknowledgements.task_id) AS task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       json_object('notification_id', notification_id, 'binding_id', binding_id, 'role', role, 'status', status,
                   'correlation_id', correlation_id, 'payload', json(payload_json)) AS attributes
FROM main.notification_acknowledgements
WHERE (instant_of(created_at) > asked_instant()) IS NOT TRUE;

CREATE TEMP VIEW entity_handoff AS
SELECT 'handoff' AS kind, CAST(id AS TEXT) AS id, id AS seq, task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = worker_handoffs.task_id) AS task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       json_object('worker_session_id', worker_session_id, 'summary', worker_handoffs.summary) AS attributes
FROM main.worker_handoffs
WHERE (instant_of(created_at) > asked_instant()) IS NOT TRUE;

-- The actions of valid plans. An invalid plan is one action without attributes, which its schema refuses: nobody can rely
-- on what was planned, nor that nothing was.
CREATE TEMP VIEW entity_wake_action AS
SELECT 'wake_action' AS kind, plan.id || '#' || action.key AS id, plan.seq * 1000 + action.key AS seq, task_id, task,
       plan.at, plan.instant, NULL AS actor, NULL AS severity, '' AS summary, '{}' AS correlation,
       iif(valid, json_set(action.value, '$.receipt_id', plan.id), 'null') AS attributes
FROM (SELECT *, is_valid(kind, task, actor, severity, summary, correlation, attributes) AS valid FROM receipt
      WHERE kind = 'app_wakeup_dispatch_planned') AS plan,
     json_each(iif(valid, attributes, '{"actions": [{}]}'), '$.actions') AS action
WHERE (plan.instant > asked_instant()) IS NOT TRUE;

CREATE TEMP VIEW entity_ended_binding AS
SELECT 'ended_binding' AS kind, id, rowid AS seq, task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = bindings.task_id) AS task,
       created_at AS at, instant_of(created_at) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       json_object('ended_at', ended_at, 'worker_session_id', worker_session_id,
                   'manager_session_id', manager_session_id) AS attributes
FROM main.bindings
WHERE state IN ('ended', 'invalid') AND (instant_of(ended_at) > asked_instant()) IS NOT TRUE
  AND (instant_of(created_at) > asked_instant()) IS NOT TRUE;

-- The receipts of smoke steps that name a thread, each with the bindings that may have been active when it was recorded.
CREATE TEMP VIEW smoke_step AS
SELECT proof.*, json_extract(iif(valid, attributes, '{}'), '$.role') AS role,
       json_extract(iif(valid, attributes, '{}'), '$.thread_id') AS recorded_thread_id,
       (SELECT iif(count(*) = 1, max(bindings.rowid), NULL) FROM main.bindings
        WHERE bindings.task_id = proof.task_id AND instant_of(bindings.created_at) <= latest
          AND (bindings.state IN ('active', 'ending')
               OR instant_of(bindings.ended_at) + iif(instr(bindings.ended_at, '.'), 0, 999999) >= instant)) AS bound
FROM (SELECT *, instant + iif(instr(at, '.'), 0, 999999) AS latest,
             is_valid(kind, task, actor, severity, summary, correlation, attributes) AS valid
      FROM receipt WHERE kind = 'app_smoke_receipt_recorded') AS proof
WHERE (instant > asked_instant()) IS NOT TRUE;

-- The seat of such a step's role, with the first rotation of its session since.
CREATE TEMP VIEW smoke_seated AS
SELECT step.*, sessions.id AS session_id, sessions.name AS session_name,
       bindings.state IN ('active', 'ending') AS bound_still,
       sessions.codex_app_thread_id AS last_thread_id,
       (SELECT min(rotation.seq) FROM rotation
        WHERE rotation.session_id = sessions.id AND rotation.seq > step.seq) AS rotated
FROM smoke_step AS step
LEFT JOIN main.bindings ON bindings.rowid = step.bound
LEFT JOIN main.sessions
  ON sessions.id = iif(step.role = 'manager', bindings.manager_session_id, bindings.worker_session_id)
WHERE recorded_thread_id IS NOT NULL OR NOT valid;

-- That rotation names the thread that the seat had; without one it is that of the session's row. A session that was registered
-- again in between, a rotation that cannot be read, or several bindings in the receipt's second: then nothing tells.
CREATE TEMP VIEW entity_smoke_seat AS
SELECT 'smoke_seat' AS kind, id, seq, task_id, task, at, instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       iif(valid, json_object(
           'receipt_id', id, 'role', role, 'session_id', session_id, 'thread_id', thread_id,
           'recorded_thread_id', recorded_thread_id,
           'current', json(iif(bound_still AND rotated IS NULL, 'true', 'false')),
           'certain', json(iif(thread_id IS recorded_thread_id
               OR (session_id IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM rotation
                                   WHERE rotation.session_id IS NULL AND rotation.task_id = seat.task_id
                                     AND rotation.seq > seat.seq)
                   AND NOT EXISTS (SELECT 1 FROM registered
                                   WHERE registered.session_id = seat.session_id AND registered.instant >= seat.instant
                                     AND (registered.instant > until) IS NOT TRUE)
                   AND NOT EXISTS (SELECT 1 FROM registered_pair AS pair
                                   WHERE seat.session_name IN (pair.manager_name, pair.worker_name)
                                     AND pair.task_id IN (SELECT sitting.task_id FROM sitting
                                                          WHERE seat.session_id IN (sitting.manager_session_id,
                                                                                    sitting.worker_session_id))
                                     AND pair.instant >= seat.instant AND (pair.instant > until) IS NOT TRUE)),
               'true', 'false'))), 'null') AS attributes
FROM (SELECT *, iif(rotated IS NULL, last_thread_id,
                    (SELECT rotation.thread_id FROM rotation WHERE rotation.seq = rotated)) AS thread_id,
             (SELECT rotation.latest FROM rotation WHERE rotation.seq = rotated) AS until
      FROM smoke_seated) AS seat;

-- When what is said of entities changes, as the views above tell it of different instants, and what it is that changes.
CREATE TEMP VIEW change_task AS
SELECT id AS task_id, 'task' AS kind, id, created_at AS at FROM main.tasks;

CREATE TEMP VIEW change_binding AS
SELECT task_id, 'binding' AS kind, id, created_at AS at FROM main.bindings
UNION ALL SELECT task_id, 'binding', id, ended_at FROM main.bindings;

CREATE TEMP VIEW change_seat AS
SELECT task_id, kind, id, at FROM change_binding
UNION ALL SELECT bindings.task_id, 'seat', sessions.id, sessions.registered_at
FROM main.bindings JOIN main.sessions ON sessions.id IN (bindings.manager_session_id, bindings.worker_session_id)
UNION ALL SELECT bindings.task_id, 'seat', sessions.id, sessions.last_heartbeat_at
FROM main.bindings JOIN main.sessions ON sessions.id IN (bindings.manager_session_id, bindings.worker_session_id)
UNION ALL SELECT bindings.task_id, 'registration', registered.seq || '#' || sessions.role, registered.at
FROM main.bindings JOIN main.sessions ON sessions.id IN (bindings.manager_session_id, bindings.worker_session_id)
JOIN registered ON registered.session_id = sessions.id
UNION ALL SELECT bindings.task_id, 'registration', pair.seq || '#' || sessions.role, pair.at
FROM main.bindings JOIN main.sessions ON sessions.id IN (bindings.manager_session_id, bindings.worker_session_id)
JOIN registered_pair AS pair ON sessions.name IN (pair.manager_name, pair.worker_name);

CREATE TEMP VIEW change_registration AS
SELECT NULL AS task_id, kind, id, at FROM entity_registration;

CREATE TEMP VIEW change_notification AS
SELECT task_id, 'notification' AS kind, CAST(id AS TEXT) AS id, created_at AS at FROM main.routed_notifications
UNION ALL SELECT task_id, 'notification', CAST(id AS TEXT), delivered_at FROM main.routed_notifications
UNION ALL SELECT task_id, 'notification', CAST(id AS TEXT), consumed_at FROM main.routed_notifications;

CREATE TEMP VIEW change_acknowledgement AS
SELECT task_id, 'acknowledgement' AS kind, CAST(id AS TEXT) AS id, created_at AS at
FROM main.notification_acknowledgements;

CREATE TEMP VIEW change_handoff AS
SELECT task_id, 'handoff' AS kind, CAST(id AS TEXT) AS id, created_at AS at FROM main.worker_handoffs;

CREATE TEMP VIEW change_wake_action AS
SELECT task_id, event_type AS kind, id, timestamp AS at
FROM main.telemetry_events
WHERE event_type = 'app_wakeup_dispatch_planned';

CREATE TEMP VIEW change_ended_binding AS
SELECT task_id, 'ended_binding' AS kind, id, ended_at AS at FROM main.bindings;

CREATE TEMP VIEW change_smoke_seat AS
SELECT task_id, event_type AS kind, id, timestamp AS at
FROM main.telemetry_events
WHERE event_type = 'app_smoke_receipt_recorded';
