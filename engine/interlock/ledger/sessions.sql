-- How the sessions of seats were at the instant that is asked about, for ledgers and feeds alike. Both define what this
-- stands on: `seated` (seats with what is known of their sessions last), `heartbeat` (receipts that stamp a session, up to
-- the instant), `rotation` (receipts of rotations that gave a session another thread, and emptied its heartbeat),
-- `registered` and `registered_pair` (registrations, which stamp a session too) and `sitting` (who was bound to which task).

-- The first rotation of each seat's session after the instant; the last one up to it, and the last instant that any of
-- those may mean (null where one has no readable time). One whose session or time cannot be read counts.
CREATE TEMP VIEW seated_between AS
SELECT seated.*,
       (SELECT min(rotation.seq) FROM rotation
        WHERE rotation.session_id = seated.session_id AND rotation.instant > asked_instant()) AS rotated,
       (SELECT coalesce(max(rotation.seq), -1) FROM rotation
        WHERE (rotation.session_id = seated.session_id
               OR (rotation.session_id IS NULL AND rotation.task_id = seated.task_id))
          AND (rotation.instant > asked_instant()) IS NOT TRUE) AS emptied,
       (SELECT iif(count(*) = count(rotation.latest), max(rotation.latest), NULL) FROM rotation
        WHERE (rotation.session_id = seated.session_id
               OR (rotation.session_id IS NULL AND rotation.task_id = seated.task_id))
          AND (rotation.instant > asked_instant()) IS NOT TRUE) AS emptied_until
FROM seated;

-- What is known last holds where it is not later than the instant, and no rotation emptied it since. Otherwise a heartbeat is
-- what is proved up to the instant and after the last rotation by then: by receipts in the order of the ledger, by
-- registrations in time. Where nothing is, it is null. Within a second the order of texts is not that of instants: the
-- newest second is found by its text, and the newest instant inside it.
CREATE TEMP VIEW seated_then AS
SELECT seated.*,
       iif(rotated IS NULL, thread_id, (SELECT rotation.thread_id FROM rotation WHERE rotation.seq = rotated))
           AS thread_then,
       iif(CASE WHEN last_heartbeat_at IS NULL THEN rotated IS NOT NULL
                ELSE instant_of(last_heartbeat_at) > asked_instant() END,
           (SELECT at FROM (
                SELECT * FROM (
                    SELECT at, instant, seq FROM heartbeat
                    WHERE kind = 'app_heartbeat' AND session_id = seated.session_id AND plain AND seq > emptied
                      AND at >= (SELECT substr(at, 1, 19) FROM heartbeat
                                 WHERE kind = 'app_heartbeat' AND session_id = seated.session_id AND plain
                                   AND seq > emptied ORDER BY at DESC LIMIT 1)
                    ORDER BY instant DESC, seq DESC LIMIT 1)
                UNION ALL SELECT * FROM (
                    SELECT at, instant, seq FROM heartbeat
                    WHERE kind = 'codex_events_ingested' AND session_id = seated.session_id AND plain AND seq > emptied
                      AND at >= (SELECT substr(at, 1, 19) FROM heartbeat
                                 WHERE kind = 'codex_events_ingested' AND session_id = seated.session_id AND plain
                                   AND seq > emptied ORDER BY at DESC LIMIT 1)
                    ORDER BY instant DESC, seq DESC LIMIT 1)
                UNION ALL SELECT * FROM (
                    SELECT at, instant, -1 FROM registered
                    WHERE registered.session_id = seated.session_id AND instant <= asked_instant()
                      AND (emptied = -1 OR instant > emptied_until) ORDER BY instant DESC LIMIT 1)
                UNION ALL SELECT * FROM (
                    SELECT at, instant, -1 FROM registered_pair AS pair
                    WHERE seated.session_name IN (manager_name, worker_name)
                      AND pair.task_id IN (SELECT sitting.task_id FROM sitting
                                           WHERE seated.session_id IN (manager_session_id, worker_session_id))
                      AND instant <= asked_instant()
                      AND (emptied = -1 OR instant > emptied_until) ORDER BY instant DESC LIMIT 1))
            ORDER BY instant DESC, seq DESC LIMIT 1),
           last_heartbeat_at) AS heartbeat_then
FROM seated_between AS seated;

-- The same of the latest instant: nothing is later, so what is known last holds.
CREATE TEMP VIEW seated_last AS
SELECT *, NULL AS rotated, thread_id AS thread_then, last_heartbeat_at AS heartbeat_then FROM seated;
