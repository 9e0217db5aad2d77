"""The queries of a snapshot, over the views of the canonical relation."""

from __future__ import annotations

COLUMNS = "kind, id, seq, task, at, NULL, actor, severity, summary, correlation, attributes"
RECEIPTS = (
    f"SELECT {COLUMNS} FROM receipt WHERE seq >= :least"
    " AND (NOT :so_far OR (instant > asked_instant()) IS NOT TRUE) ORDER BY seq"
)
CHOSEN = (
    f"SELECT {COLUMNS} FROM {{source}} WHERE (instant > asked_instant()) IS NOT TRUE"
    " AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))"
    " AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks))"
    " OR kind IN (SELECT value FROM json_each(:everywhere))){order}"
)
BY_TASK = " ORDER BY seq, (SELECT tasks.rowid FROM main.tasks WHERE tasks.id = task_id)"
ARRIVED = (
    "SELECT id, kind, at, instant, actor, summary,"
    " iif(json_valid(attributes), json_extract(attributes, '$.role'), NULL)"
    " FROM receipt WHERE kind IN (SELECT value FROM json_each(:kinds))"
    " AND (task_id = :task OR kind IN (SELECT value FROM json_each(:everywhere)))"
    " AND (instant IS NULL OR instant BETWEEN :since + 1 AND :until) ORDER BY seq"
)
_SESSION = (
    "CASE kind WHEN 'app_heartbeat' THEN iif(json_valid(attributes), json_extract(attributes, '$.session_id'), NULL)"
    " WHEN 'codex_events_ingested' THEN iif(json_valid(correlation), json_extract(correlation, '$.session_id'), NULL)"
    " WHEN 'app_worker_rotation_recorded'"
    " THEN iif(json_valid(attributes), json_extract(attributes, '$.old_worker_session_id'), NULL) END"
)
"""The id of the session that a receipt is about."""
_OF_SESSIONS = "('app_heartbeat', 'codex_events_ingested', 'app_worker_rotation_recorded')"
ELSEWHERE = (
    "SELECT id, kind, at, instant, actor, summary, NULL FROM receipt"
    f" WHERE kind IN {_OF_SESSIONS} AND task_id IS NOT :task AND at >= :floor AND at < :beyond"
    " AND instant BETWEEN :since + 1 AND :until"
    f" AND {_SESSION} IN (SELECT manager_session_id FROM sitting WHERE task_id = :task"
    " UNION SELECT worker_session_id FROM sitting WHERE task_id = :task) ORDER BY seq"
)
_SESSIONS = (
    "(SELECT manager_session_id FROM sitting WHERE task_id IN (SELECT value FROM json_each(:tasks))"
    " UNION SELECT worker_session_id FROM sitting WHERE task_id IN (SELECT value FROM json_each(:tasks)))"
)
SESSION_RECEIPTS = (
    f"SELECT {COLUMNS} FROM receipt WHERE kind IN {_OF_SESSIONS} AND (instant > asked_instant()) IS NOT TRUE"
    " AND (task_id IN (SELECT value FROM json_each(:tasks))) IS NOT TRUE"
    " AND kind NOT IN (SELECT value FROM json_each(:everywhere))"
    f" AND {_SESSION} IN {_SESSIONS} ORDER BY seq"
)
SESSION_REGISTRATIONS = (
    f"SELECT {COLUMNS} FROM entity_registration WHERE (instant > asked_instant()) IS NOT TRUE"
    " AND kind NOT IN (SELECT value FROM json_each(:everywhere))"
    f" AND json_extract(attributes, '$.session_id') IN {_SESSIONS}"
)
CHANGES = (
    "SELECT kind, id, instant_of(at) FROM change_{kind}"
    " WHERE (:task IS NULL OR task_id = :task) AND instant_of(at) IS NOT NULL"
)
MALFORMED = (
    f"SELECT {COLUMNS} FROM receipt WHERE kind IN (SELECT value FROM json_each(:kinds)) AND NOT"
    " (typeof(correlation) = 'text' AND typeof(attributes) = 'text' AND json_valid(correlation)"
    " AND json_valid(attributes)) LIMIT 10"
)
STORED = (
    "SELECT event_type, id, rowid, (SELECT name FROM main.tasks WHERE tasks.id = telemetry_events.task_id), timestamp"
    " FROM main.telemetry_events NOT INDEXED WHERE rowid IN (SELECT value FROM json_each(:seqs))"
)
COMING = "SELECT kind, at, instant FROM receipt WHERE {of} AND at >= :floor ORDER BY at LIMIT :limit"
UNREADABLE = "SELECT kind, at FROM receipt WHERE {of} AND at >= :floor AND at < :beyond AND instant IS NULL"
OF_KIND = f"SELECT {COLUMNS} FROM entity_{{kind}}"
