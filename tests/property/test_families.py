"""Groups that follow the families of what changed are those of looking at everything, whatever changes."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.store import families
from connector.store.engine import Store
from connector.store.record_tables import account
from connector.store.tables import credit_group, customer
from tests.check_bench import NOW, Bench

IDS = [f"A{n}" for n in range(7)]
CHANGES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(IDS), st.sampled_from([*IDS, "nobody", None])), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=6,
)


def groups(store: Store) -> dict[str, str | None]:
    query = sa.select(account.c.external_id, credit_group.c.key).select_from(
        account.join(customer, customer.c.id == account.c.customer_id).outerjoin(
            credit_group, credit_group.c.id == customer.c.group_id
        )
    )
    with store.read() as tx:
        return {row.external_id: row.key for row in tx.execute(query)}


@settings(max_examples=15, deadline=None)
@given(CHANGES)
def test_only_the_families_of_what_changed_need_to_be_looked_at(
    changes: list[list[tuple[str, str | None]]],
) -> None:
    local, whole = Bench.in_memory(), Bench.in_memory()
    for bench in (local, whole):
        for one in IDS:
            bench.customer(one, line=False)
    for step in changes:
        for bench in (local, whole):
            with bench.store.write() as tx:
                for child, parent in step:
                    here = account.c.external_id == child
                    tx.execute(sa.update(account).where(here).values(parent_id=parent))
                touched = [child for child, _ in step] if bench is local else None
                families.regroup(tx, 1, NOW, touched)
        assert groups(local.store) == groups(whole.store)
    for bench in (local, whole):
        bench.store.close()
