-- Conveyor's tables as the canonical relation of facts (ledger.md). Every view of facts has the same columns:
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

-- The binding of each task that was active at the instant: one that is not ended now (found by the partial index), else
-- one that ended since. An end at the very instant counts. No index leads to ended bindings: the set of tasks that have
-- any is made at most once a query, and only they are searched.
CREATE TEMP VIEW active_binding AS
SELECT bindings.id, bindings.rowid AS seq, tasks.id AS task_id, tasks.name AS task, bindings.created_at,
       iif(bindings.state = 'ended', 'active', bindings.state) AS state,
       iif(bindings.state = 'ended', NULL, bindings.ended_at) AS ended_at,
       bindings.manager_session_id, bindings.worker_session_id
FROM main.tasks
JOIN main.bindings ON bindings.rowid = coalesce(
    (SELECT bound.rowid FROM main.bindings AS bound
     WHERE bound.task_id = tasks.id AND bound.state IN ('active', 'ending')
       AND (instant_of(bound.created_at) > asked_instant()) IS NOT TRUE
     ORDER BY instant_of(bound.created_at) DESC, bound.rowid DESC LIMIT 1),
    CASE WHEN tasks.id IN (SELECT task_id FROM main.bindings
                           WHERE state = 'ended' AND instant_of(ended_at) > asked_instant()) THEN
        (SELECT bound.rowid FROM main.bindings AS bound
         WHERE bound.task_id = tasks.id AND bound.state = 'ended'
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

-- The heartbeats of tasks' seats up to the instant. The `+` keeps to the index on (task_id, timestamp); the text bound,
-- the second after the instant, skips what is later.
CREATE TEMP VIEW heartbeat AS
SELECT task_id, json_extract(attributes_json, '$.session_id') AS session_id, timestamp AS at, rowid AS seq
FROM main.telemetry_events
WHERE +event_type = 'app_heartbeat' AND +rowid <= asked_head()
  AND timestamp < strftime('%Y-%m-%dT%H:%M:%S', asked_instant() / 1000000 + 1, 'unixepoch')
  AND instant_of(timestamp) <= asked_instant();

-- Both seats of the active binding, whether or not their sessions are there. Within one second text order is not the
-- order of instants, so the newest heartbeat is looked for among those of the newest second.
CREATE TEMP VIEW entity_seat AS
SELECT 'seat' AS kind, coalesce(sessions.id, binding.id || '#' || place.role) AS id, place.seq, binding.task_id,
       binding.task, binding.created_at AS at, instant_of(binding.created_at) AS instant,
       NULL AS actor, NULL AS severity, '' AS summary, '{}' AS correlation,
       json_object(
           'role', place.role, 'binding_id', binding.id, 'session_id', sessions.id, 'session_name', sessions.name,
           'state', sessions.state, 'thread_id', sessions.codex_app_thread_id,
           'thread_title', sessions.codex_app_thread_title, 'tmux_session', sessions.tmux_session,
           'heartbeat_at', CASE WHEN instant_of(sessions.last_heartbeat_at) > asked_instant() THEN coalesce(
               (SELECT at FROM heartbeat
                WHERE task_id = binding.task_id AND session_id = sessions.id
                  AND at >= (SELECT substr(at, 1, 19) FROM heartbeat
                             WHERE task_id = binding.task_id AND session_id = sessions.id ORDER BY at DESC LIMIT 1)
                ORDER BY instant_of(at) DESC, seq DESC LIMIT 1),
               iif(instant_of(sessions.registered_at) <= asked_instant(), sessions.registered_at, NULL))
               ELSE sessions.last_heartbeat_at END,
           'registered_at', sessions.registered_at) AS attributes
FROM active_binding AS binding
JOIN (SELECT 1 AS seq, 'manager' AS role UNION ALL SELECT 2, 'worker') AS place
LEFT JOIN main.sessions
  ON sessions.id = iif(place.role = 'manager', binding.manager_session_id, binding.worker_session_id);

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

CREATE TEMP VIEW entity_wake_action AS
SELECT 'wake_action' AS kind, telemetry_events.id || '#' || action.key AS id,
       telemetry_events.rowid * 1000 + action.key AS seq, telemetry_events.task_id,
       (SELECT name FROM main.tasks WHERE tasks.id = telemetry_events.task_id) AS task,
       timestamp AS at, instant_of(timestamp) AS instant, NULL AS actor, NULL AS severity, '' AS summary,
       '{}' AS correlation,
       iif(action.type = 'object', json_set(action.value, '$.receipt_id', telemetry_events.id),
           json_quote(action.value)) AS attributes
FROM main.telemetry_events, json_each(attributes_json, '$.actions') AS action
WHERE event_type = 'app_wakeup_dispatch_planned' AND +telemetry_events.rowid <= asked_head()
  AND (instant_of(timestamp) > asked_instant()) IS NOT TRUE;

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
FROM main.bindings JOIN main.sessions ON sessions.id IN (bindings.manager_session_id, bindings.worker_session_id);

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
