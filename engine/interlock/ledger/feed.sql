-- A feed's facts as the canonical relation (docs/design/ledger.md); the columns are those of conveyor.sql. Table `fact`
-- holds them as they were read, one row a line, with the task's name as its id. Entities are as of the moment that the
-- feed was taken: asked about an earlier one, what they say of later times is left out.

CREATE TEMP VIEW receipt AS
SELECT kind, id, seq, task AS task_id, task, at, instant_of(at) AS instant, actor, severity, summary, correlation, attributes
FROM main.fact
WHERE NOT entity AND +seq <= asked_head();

CREATE TEMP VIEW entity_fact AS
SELECT kind, id, seq, task AS task_id, task, at, instant_of(at) AS instant, actor, severity, summary, correlation, attributes
FROM main.fact
WHERE entity AND (instant_of(at) > asked_instant()) IS NOT TRUE;

CREATE TEMP VIEW entity_task AS
SELECT * FROM entity_fact WHERE kind = 'task';

CREATE TEMP VIEW entity_binding AS
SELECT * FROM entity_fact WHERE kind = 'binding';

CREATE TEMP VIEW entity_handoff AS
SELECT * FROM entity_fact WHERE kind = 'handoff';

CREATE TEMP VIEW entity_acknowledgement AS
SELECT * FROM entity_fact WHERE kind = 'acknowledgement';

CREATE TEMP VIEW entity_wake_action AS
SELECT * FROM entity_fact WHERE kind = 'wake_action';

CREATE TEMP VIEW entity_ended_binding AS
SELECT * FROM entity_fact
WHERE kind = 'ended_binding' AND (instant_of(json_extract(attributes, '$.ended_at')) > asked_instant()) IS NOT TRUE;

CREATE TEMP VIEW entity_smoke_seat AS
SELECT * FROM entity_fact WHERE kind = 'smoke_seat';

CREATE TEMP VIEW entity_registration AS
SELECT * FROM entity_fact WHERE kind = 'registration';

CREATE TEMP VIEW heartbeat AS
SELECT kind, id, seq, task AS task_id, at, instant_of(at) AS instant,
       json_extract(iif(kind = 'app_heartbeat', attributes, correlation), '$.session_id') AS session_id,
       is_valid(kind, NULL, actor, severity, summary, correlation, attributes) AS plain
FROM main.fact
WHERE NOT entity AND at < strftime('%Y-%m-%dT%H:%M:%S', asked_instant() / 1000000 + 1, 'unixepoch')
  AND +seq <= asked_head() AND instant_of(at) <= asked_instant();

CREATE TEMP VIEW rotation AS
SELECT seq, id, task AS task_id, at, instant_of(at) AS instant, instant_of(at) + iif(instr(at, '.'), 0, 999999) AS latest,
       json_extract(attributes, '$.old_worker_session_id') AS session_id,
       json_extract(attributes, '$.old_worker_thread_id') AS thread_id
FROM main.fact
WHERE NOT entity AND kind = 'app_worker_rotation_recorded' AND +seq <= asked_head()
  AND json_type(attributes, '$.session_updated') = 'true';

CREATE TEMP VIEW registered AS
SELECT seq, at, instant_of(at) AS instant, json_extract(attributes, '$.session_id') AS session_id
FROM main.fact
WHERE entity AND kind = 'registration';

CREATE TEMP VIEW registered_pair AS
SELECT NULL AS seq, NULL AS at, NULL AS instant, NULL AS task_id, NULL AS manager_name, NULL AS worker_name WHERE 0;

CREATE TEMP VIEW sitting AS
SELECT task AS task_id,
       iif(json_extract(attributes, '$.role') = 'manager', json_extract(attributes, '$.session_id'), NULL)
           AS manager_session_id,
       iif(json_extract(attributes, '$.role') = 'worker', json_extract(attributes, '$.session_id'), NULL)
           AS worker_session_id
FROM main.fact
WHERE entity AND kind = 'seat';

CREATE TEMP VIEW seated AS
SELECT id, seq, task_id, task, at, instant, summary, attributes,
       json_extract(attributes, '$.session_id') AS session_id, NULL AS session_name,
       json_extract(attributes, '$.thread_id') AS thread_id,
       json_extract(attributes, '$.heartbeat_at') AS last_heartbeat_at
FROM entity_fact
WHERE kind = 'seat';

CREATE TEMP VIEW entity_seat AS
SELECT DISTINCT 'seat' AS kind, id, seq, task_id, task, at, instant, NULL AS actor, NULL AS severity, summary, '{}' AS correlation,
       iif(rotated IS NULL AND heartbeat_then IS last_heartbeat_at, attributes,
           json_set(attributes, '$.heartbeat_at', heartbeat_then, '$.thread_id', thread_then,
                    '$.thread_title', iif(rotated IS NULL, json_extract(attributes, '$.thread_title'), NULL)))
           AS attributes
FROM seated_then;

CREATE TEMP VIEW entity_notification AS
SELECT kind, id, seq, task_id, task, at, instant, actor, severity, summary, correlation,
       json_set(attributes,
           '$.state', iif(instant_of(json_extract(attributes, '$.delivered_at')) > asked_instant(), 'pending',
                          json_extract(attributes, '$.state')),
           '$.delivered_at', iif(instant_of(json_extract(attributes, '$.delivered_at')) > asked_instant(), NULL,
                                 json_extract(attributes, '$.delivered_at')),
           '$.consumed_at', iif(instant_of(json_extract(attributes, '$.consumed_at')) > asked_instant(), NULL,
                                json_extract(attributes, '$.consumed_at'))) AS attributes
FROM entity_fact
WHERE kind = 'notification';

-- When what is said of entities changes, as the views above tell it of different instants.
CREATE TEMP VIEW change_fact AS
SELECT kind, task AS task_id, id, at, attributes FROM main.fact WHERE entity;

CREATE TEMP VIEW change_task AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'task';

CREATE TEMP VIEW change_binding AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'binding';

CREATE TEMP VIEW change_handoff AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'handoff';

CREATE TEMP VIEW change_acknowledgement AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'acknowledgement';

CREATE TEMP VIEW change_wake_action AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'wake_action';

CREATE TEMP VIEW change_ended_binding AS
SELECT task_id, kind, id, json_extract(attributes, '$.ended_at') AS at FROM change_fact WHERE kind = 'ended_binding';

CREATE TEMP VIEW change_smoke_seat AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'smoke_seat';

CREATE TEMP VIEW change_registration AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'registration';

CREATE TEMP VIEW change_seat AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'seat'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.registered_at') FROM change_fact WHERE kind = 'seat'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.heartbeat_at') FROM change_fact WHERE kind = 'seat'
UNION ALL SELECT seat.task_id, registration.kind, registration.id, registration.at
FROM change_fact AS seat JOIN change_fact AS registration
  ON seat.kind = 'seat' AND registration.kind = 'registration'
 AND json_extract(registration.attributes, '$.session_id') = json_extract(seat.attributes, '$.session_id');

CREATE TEMP VIEW change_notification AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'notification'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.delivered_at') FROM change_fact WHERE kind = 'notification'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.consumed_at') FROM change_fact WHERE kind = 'notification';
