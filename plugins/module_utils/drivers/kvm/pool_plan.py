# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wished pool and the one found to the changes between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import (
    DEFAULT_PATHS,
    FOLDER_TYPES,
    MOUNT_TYPES,
    NEEDS,
    Pool,
    Source,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError

# Where a pool's volumes are. Changing one of these points the pool at other volumes; it moves none.
PLACE = ("type", "path", "source")
PERMISSIONS = ("mode", "owner", "group")


def plan_pool(want: Pool, have: Pool | None) -> Iterator[Change]:
    """Yield the changes, in order. Raises PlanError for what is incomplete or would cost guests their disks."""
    if want.state == "absent":
        yield from _remove(have)
    elif have is None:
        yield from _create(want)
    else:
        yield from _change(want, have)


def complete(want: Pool) -> Pool:
    """The wish for a new pool, with the defaults of creation. Raises PlanError when its type needs more."""
    kind = want.type or "dir"
    source = want.source or Source()
    given = {"path": want.path, **{f"source.{one.name}": getattr(source, one.name) for one in fields(source)}}
    missing = [name for name in NEEDS[kind] if not given[name]]
    if missing:
        raise PlanError(f"a new pool of type {kind} needs {', '.join(missing)}")
    path = want.path or DEFAULT_PATHS.get(kind, "/dev/zvol/{name}").format(name=source.name)
    return replace(want, type=kind, path=path, autostart=bool(want.autostart), repoint=None)


def _remove(have: Pool | None) -> Iterator[Change]:
    if have is None:
        return
    if have.state == "running":
        yield Change(have.name, "stop", "state", before="running", after="stopped")
    yield Change(have.name, "remove", "pool", before=have)


def _create(want: Pool) -> Iterator[Change]:
    new = complete(want)
    _refuse_permissions(new, new.type)
    yield Change(want.name, "create", "pool", after=replace(new, state="stopped"))
    if want.state == "running":
        yield Change(want.name, "start", "state", before="stopped", after="running")


def _change(want: Pool, have: Pool) -> Iterator[Change]:
    if have.persistent is False:
        yield Change(want.name, "set", "persistent", before=False, after=True)
    place = list(_differences(want, have, PLACE))
    permissions = list(_differences(want, have, PERMISSIONS))
    if place:
        _refuse_repointing(want, have, place)
    if permissions:
        _refuse_permissions(want, want.type or have.type)
    # libvirt sets permissions and goes to another place only while the pool is off. That takes nothing from running
    # guests: they hold their files open. Where it would (a mounted file system in use), stopping the pool fails.
    running = have.state == "running"
    if running and (place or permissions or want.state == "stopped"):
        yield Change(want.name, "stop", "state", before="running", after="stopped")
        running = False
    yield from (*place, *permissions)
    if want.autostart is not None and want.autostart != have.autostart:
        yield Change(want.name, "set", "autostart", before=have.autostart, after=want.autostart)
    if not running and want.state == "running":
        yield Change(want.name, "start", "state", before="stopped", after="running")


def _differences(want: Pool, have: Pool, names: tuple[str, ...]) -> Iterator[Change]:
    for name in names:
        wanted, found = getattr(want, name), getattr(have, name)
        if isinstance(wanted, Source):
            wanted = fill_source(wanted, found)
        if wanted is not None and wanted != found:
            yield Change(want.name, "set", name, before=found, after=wanted)


def fill_source(want: Source, have: Source | None) -> Source:
    """A wished source with what is found in every place that was not written."""
    found: dict[str, Any] = {one.name: getattr(have or Source(), one.name) for one in fields(Source)}
    written = {name: getattr(want, name) for name in found if getattr(want, name) is not None}
    return Source(**{**found, **written})


def _refuse_repointing(want: Pool, have: Pool, place: list[Change]) -> None:
    if want.repoint or have.volumes == 0:
        return
    what = ", ".join(f"{name} from {before} to {after}" for change in place for name, before, after in _parts(change))
    holds = (
        "may hold volumes (it is off, so they cannot be counted)" if have.volumes is None else f"holds {have.volumes}"
    )
    raise PlanError(
        f"changing {what} moves no volume, and the pool {holds}: guests would look for their disks in the wrong place. "
        "Move them yourself and set repoint: true, or give the new place a pool with another name"
    )


def _parts(change: Change) -> Iterator[tuple[str, Any, Any]]:
    """What a change of place consists of, as users write it."""
    if change.field != "source":
        yield change.field, change.before, change.after
        return
    for one in fields(Source):
        before, after = getattr(change.before or Source(), one.name), getattr(change.after, one.name)
        if before != after:
            yield f"source.{one.name}", before, after


def _refuse_permissions(want: Pool, kind: str | None) -> None:
    written = [name for name in PERMISSIONS if getattr(want, name) is not None]
    if written and kind not in FOLDER_TYPES:
        raise PlanError(f"{', '.join(written)} belong to a folder; a pool of type {kind} has none")
    if written and kind in MOUNT_TYPES:
        raise PlanError(
            f"{', '.join(written)} of a pool of type {kind} are those of the file system that is mounted there: set "
            "them in it, or on its server, and leave them out here"
        )
