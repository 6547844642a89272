# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing several things at the same time: which may overlap and which have to wait, and the threads that do them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from queue import SimpleQueue
from typing import Callable, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change

Result = TypeVar("Result")
Chain = list[int]

# A plan of nothing else only gives something up: power, memory, a place on a disk, a name.
GIVES_UP = frozenset({"stop", "remove", "delete"})


def waves(plans: Sequence[Sequence[Change]], claims: Callable[[Change], Collection[str]]) -> list[list[Chain]]:
    """Order plans: waves, one after the other, of chains that may overlap, of plans that must not.

    plans: the changes of each thing, in the order of the wishes; empty ones are left out. claims: names of what a
    change takes or gives up, and somebody else might want. A plan that only gives up comes before all that do not, for
    those may need what it leaves; plans that claim the same thing follow each other as the wishes do.
    Returns indices of plans.
    """
    given = [index for index, plan in enumerate(plans) if plan and all(one.verb in GIVES_UP for one in plan)]
    taken = [index for index, plan in enumerate(plans) if plan and index not in set(given)]
    names = {index: {name for change in plans[index] for name in claims(change)} for index in (*given, *taken)}
    return [_chains(wave, names) for wave in (given, taken) if wave]


def _chains(wave: Sequence[int], names: dict[int, set[str]]) -> list[Chain]:
    """Chains of plans, each joined to those before it with which it shares a name."""
    user: dict[str, Chain] = {}
    chains: dict[int, Chain] = {}
    for index in wave:
        before = {id(user[name]): user[name] for name in names[index] if name in user}
        chain = sorted([index, *(one for joined in before.values() for one in joined)])
        for one in chain:
            chains[one] = chain
            user.update(dict.fromkeys(names[one], chain))
    return list({id(chain): chain for chain in chains.values()}.values())


def overlap(jobs: Sequence[Callable[[], Result]], workers: int) -> list[Result]:
    """Run jobs, so many at the same time; their results are in the order of the jobs.

    A job that raises is the end: those that run come to theirs, no other begins, and it is raised here.
    """
    count = min(workers, len(jobs))
    if count <= 1:
        return [job() for job in jobs]
    results: dict[int, Result] = {}
    failures: list[BaseException] = []
    waiting: SimpleQueue[int | None] = SimpleQueue()
    for number in (*range(len(jobs)), *[None] * count):
        waiting.put(number)
    # Daemons: a run that is interrupted does not wait for them. What that leaves is what a killed run leaves.
    given = (jobs, waiting, results, failures)
    threads = [threading.Thread(target=_work, args=given, daemon=True) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(jobs))]


def _work(
    jobs: Sequence[Callable[[], Result]],
    waiting: SimpleQueue[int | None],
    results: dict[int, Result],
    failures: list[BaseException],
) -> None:
    """What one thread does: the next job that waits, until there is none."""
    for number in iter(waiting.get, None):
        try:
            if not failures:
                results[number] = jobs[number]()
        except BaseException as failure:  # noqa: BLE001 - it is raised again, where somebody waits for it
            failures.append(failure)
