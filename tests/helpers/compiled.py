"""A compiled policy as text for people: its SQL, its relations, its branches."""

from __future__ import annotations

from interlock.model.compiled import Branch, CompiledPolicy, Pattern, Test


def shown(compiled: CompiledPolicy) -> str:
    """Everything that the ledger and the rules engine are asked, a line each."""
    lines = []
    for query in compiled.queries:
        lines += [f"selection {query.selection}", f"  reads {', '.join(f'{p}: {k}' for p, k in query.paths.items())}"]
        lines += [f"  :{name} = {'.'.join(target)}" for name, target in query.binds.items()]
        lines += [f"  {line}" for line in _wrapped(query.sql)]
    lines += ["undated", *(f"  {line}" for line in _wrapped(compiled.undated or "-"))]
    for relation in compiled.relations:
        lines.append(f"relation {relation.name}: {', '.join(column.name for column in relation.columns)}")
    for number, stratum in enumerate(compiled.strata):
        lines.append(f"stratum {number}{' (recursive)' if stratum.recursive else ''}")
        lines += [f"  {_branch(branch, compiled)}" for branch in stratum.branches]
    return "\n".join(lines) + "\n"


def _wrapped(sql: str) -> list[str]:
    for word in (" FROM ", " WHERE ", " UNION ALL ", " ORDER BY ", " GROUP BY ", " AND "):
        sql = sql.replace(word, f"\n{word.strip()} ")
    return sql.split("\n")


def _branch(branch: Branch, compiled: CompiledPolicy) -> str:
    policy = compiled.policy
    name = f"decide {policy.decide[branch.target].state}" if branch.decides else policy.rules[branch.target].id
    loops = f" for {', '.join(branch.loops)}" if branch.loops else ""
    blocked = {None: "", True: " if blocked", False: " unless blocked"}[branch.blocked]
    return f"{name}{loops}{blocked}: " + (" & ".join(map(_pattern, branch.patterns)) or "always")


def _pattern(pattern: Pattern) -> str:
    tests = ", ".join(map(_test, pattern.tests))
    return f"{'!' if pattern.negated else ''}{pattern.alias}: {pattern.relation}({tests})"


def _test(test: Test) -> str:
    if not test.slots:
        return f"{test.field} {test.op} {test.constant!r}"
    total = " ".join(f"{'+' if sign > 0 else '-'} {slot.alias}.{slot.field}" for sign, slot in test.slots)
    constant = f" + {test.constant}" if test.constant else ""
    return f"{test.field} {test.op} {total.removeprefix('+ ')}{constant}"
