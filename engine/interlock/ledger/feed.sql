-- A feed's facts as the canonical relation (ledger.md); the columns are those of conveyor.sql. Table `fact` holds them as
-- they were read, one row a line, with the task's name as its id. Entities are as of the moment that the feed was taken:
-- asked about an earlier one, what they say of later times is left out.

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

CREATE TEMP VIEW entity_seat AS
SELECT kind, id, seq, task_id, task, at, instant, actor, severity, summary, correlation,
       CASE WHEN instant_of(json_extract(attributes, '$.heartbeat_at')) > asked_instant() THEN
           json_set(attributes, '$.heartbeat_at', coalesce(
               (SELECT beat.at FROM receipt AS beat
                WHERE beat.kind = 'app_heartbeat' AND beat.task_id = entity_fact.task_id AND beat.instant <= asked_instant()
                  AND json_extract(beat.attributes, '$.session_id') = json_extract(entity_fact.attributes, '$.session_id')
                ORDER BY beat.instant DESC, beat.seq DESC LIMIT 1),
               iif(instant_of(json_extract(attributes, '$.registered_at')) <= asked_instant(),
                   json_extract(attributes, '$.registered_at'), NULL)))
           ELSE attributes END AS attributes
FROM entity_fact
WHERE kind = 'seat';

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

CREATE TEMP VIEW change_seat AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'seat'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.registered_at') FROM change_fact WHERE kind = 'seat'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.heartbeat_at') FROM change_fact WHERE kind = 'seat';

CREATE TEMP VIEW change_notification AS
SELECT task_id, kind, id, at FROM change_fact WHERE kind = 'notification'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.delivered_at') FROM change_fact WHERE kind = 'notification'
UNION ALL SELECT task_id, kind, id, json_extract(attributes, '$.consumed_at') FROM change_fact WHERE kind = 'notification';
