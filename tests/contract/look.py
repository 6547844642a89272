# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract's cases do and look at: runs, check runs, and whether a state is what was wished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import only_known, scalars_of


def policy(subject: Subject, restart: str = "never", **more: Any) -> Policy:
    """A policy with the subject's time limit for a stop."""
    return Policy(restart=restart, shutdown_timeout_s=subject.shutdown_timeout_s, **more)


def run_all(subject: Subject, wants: Sequence[Guest], rules: Policy, check: bool = False) -> list[Outcome[Guest]]:
    """One task with a driver of its own."""
    return converge(subject.make_driver(), [Wish(want, rules) for want in wants], check)


def run(subject: Subject, want: Guest, restart: str = "never", **more: Any) -> Outcome[Guest]:
    """One task for one guest, which must not fail."""
    (outcome,) = run_all(subject, [want], policy(subject, restart, **more))
    assert not outcome.error, f"the run failed: {outcome.error}"
    return outcome


def refused(subject: Subject, want: Guest, restart: str = "never", **more: Any) -> Outcome[Guest]:
    """One task for one guest, which must be refused before anything is touched."""
    before = subject.dump()
    check, done = (run_all(subject, [want], policy(subject, restart, **more), check)[0] for check in (True, False))
    for outcome, who in ((check, "check mode"), (done, "a run")):
        assert outcome.error, f"{who} accepts it and does {verbs(outcome)}"
        assert not outcome.changes
    assert_untouched(before, subject.dump(), "a refused run")
    return done


def predicted(subject: Subject, want: Guest, restart: str = "never", **more: Any) -> Outcome[Guest]:
    """A run whose check run touches nothing and names the same changes and the same restart."""
    before = subject.dump()
    (check,) = run_all(subject, [want], policy(subject, restart, **more), check=True)
    assert_untouched(before, subject.dump(), "check mode")
    done = run(subject, want, restart, **more)
    assert check.changes == done.changes, "check mode told other changes than the run made"
    assert check.pending == done.pending, "check mode told another restart_required than the run"
    return done


def again(subject: Subject, want: Guest, restart: str = "never", **more: Any) -> Outcome[Guest]:
    """A run that must change nothing, neither in what it says nor on the host."""
    before = subject.dump()
    outcome = run(subject, want, restart, **more)
    assert outcome.changes == (), f"a repeated run changes {verbs(outcome)}"
    assert_untouched(before, subject.dump(), "a repeated run")
    return outcome


def verbs(outcome: Outcome[Guest]) -> list[str]:
    """The changes of an outcome in short."""
    return [f"{change.verb} {change.field}" for change in outcome.changes]


def assert_untouched(before: Mapping[str, object], after: Mapping[str, object], who: str) -> None:
    """Nothing that the hypervisor holds has changed."""
    touched = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    assert not touched, f"{who} touched {touched}"


def state(subject: Subject, name: str = "") -> Guest | None:
    """A guest as a new driver reads it."""
    name = name or subject.base.name
    return subject.make_driver().read([name]).get(name)


def there(subject: Subject, name: str = "") -> Guest:
    """A guest that must be there."""
    found = state(subject, name)
    assert found is not None, f"{name or subject.base.name} is not there"
    return found


def assert_is(subject: Subject, want: Guest, running: bool = False) -> None:
    """What is stored (or runs) is as wished, by the driver's word and, as far as it can be told, past the driver."""
    found = there(subject, want.name)
    assert mismatches(want, found.live or found if running else found) == []
    facts = dict(subject.facts(want.name, running))
    sizes: Any = facts.pop("disks", {})
    wrong = {
        key: (facts[key], value) for key, value in scalars_of(want).items() if key in facts and facts[key] != value
    }
    assert not wrong, f"the driver lies, or did not do it (found, wished): {wrong}"
    wished = {disk.name: disk.size_bytes for disk in want.disks or () if disk.size_bytes is not None}
    rounded = {key: (sizes[key], size) for key, size in wished.items() if key in sizes and sizes[key] != size}
    assert not rounded, f"disks are not as large as wished (found, wished): {rounded}"


def mismatches(want: Guest, have: Guest) -> list[str]:
    """Everything written in a wish that a definition does not have. Shares no code with the core."""
    found = scalars_of(have)
    wrong = [f"{key}: {found.get(key)!r} is not {value!r}" for key, value in scalars_of(want).items()
             if found.get(key, "" if key == "description" else None) != value]  # fmt: skip
    if want.disks is not None:
        mine = {disk.name: disk for disk in have.disks or ()}
        if set(mine) != {disk.name for disk in want.disks}:
            wrong.append(f"disks: {sorted(mine)}")
        for disk in want.disks:
            if disk.name in mine:
                wrong += _entry(disk, mine[disk.name], ("size_bytes", "pool", "format", "bus"), f"disk {disk.name}")
    if want.cdroms is not None:
        media = [sorted(drive.source or "" for drive in side.cdroms or ()) for side in (want, have)]
        wrong += [f"cdroms: {media[1]} is not {media[0]}"] if media[0] != media[1] else []
    return wrong + _wrong_nics(want, have)


def _wrong_nics(want: Guest, have: Guest) -> list[str]:
    """Whether the cards can be told apart so that each is as wished. Tries every way: there are few cards."""
    if want.nics is None:
        return []
    names = ("network", "bridge", "mac", "vlan", "model", "link")
    cards = have.nics or ()
    ways = permutations(cards) if len(cards) == len(want.nics) else ()
    if any(all(not _entry(nic, card, names, "") for nic, card in zip(want.nics, way, strict=True)) for way in ways):
        return []
    return [f"nics: {cards} are not {want.nics}"]


def _entry(want: object, have: object, names: Sequence[str], where: str) -> list[str]:
    pairs = [(name, getattr(want, name), getattr(have, name)) for name in names]
    found = dict(getattr(have, "options", ()))
    pairs += [(name, value, found.get(name)) for name, value in getattr(want, "options", ())]
    return [f"{where} {name}: {b!r} is not {a!r}" for name, a, b in pairs if a is not None and a != b]


def before_edit(subject: Subject, edit: Edit, **instead: Any) -> Guest:
    """The wish that an edit starts from."""
    return only_known(replace(subject.base, **edit.before, **instead), subject.traits)


def after_edit(subject: Subject, edit: Edit, **instead: Any) -> Guest:
    """The wish that an edit leads to."""
    return only_known(replace(before_edit(subject, edit), **edit.after, **instead), subject.traits)
