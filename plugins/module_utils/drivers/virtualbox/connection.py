# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to VirtualBox through its Python bindings, and its errors in the collection's terms."""

from __future__ import annotations

import atexit
import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, HypervisorError

if TYPE_CHECKING:
    import vboxapi
else:
    # On a bare host, in check mode, the collection is imported before the role has installed VirtualBox.
    try:
        import vboxapi
    except ImportError:
        vboxapi = None

T = TypeVar("T")
OLDEST = (7, 1)
# VBOX_E_ codes of the SDK reference.
NOT_FOUND = 0x80BB0001
BUSY = 0x80BB0007  # invalid object state: somebody else has it locked, or is about to
PAUSES_S = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)
# An operation that makes no headway any more is none that will end.
PATIENCE_S = 1800
POLL_MS = 500


class Api:
    """VirtualBox of this process's user, as its bindings have it. Guests are called machines here.

    manager: a vboxapi.VirtualBoxManager, or what answers like one.
    """

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.box = manager.getVirtualBox()
        # One for all, one after the other: each that is made anew is a channel more between two processes.
        self.only_session = manager.getSessionObject(self.box)
        self._words: dict[str, dict[int, str]] = {}

    def number(self, kind: str, word: str) -> int:
        """The number of an enumeration's word."""
        return int(getattr(self.manager.constants, f"{kind}_{word}"))

    def word(self, kind: str, number: int) -> str:
        """The word of an enumeration's number; one that is not known, from a later VirtualBox, is its digits."""
        if kind not in self._words:
            known = self.manager.constants.all_values(kind).items()
            self._words[kind] = {value: name for name, value in known if not name.startswith(("First", "Last"))}
        return self._words[kind].get(number, str(number))

    def list_of(self, thing: Any, what: str) -> list[Any]:
        """An attribute that is a list."""
        return list(self.manager.getArray(thing, what))

    def put_list(self, thing: Any, what: str, values: list[str]) -> None:
        """Set an attribute that is a list."""
        self.manager.setArray(thing, what, values)

    def machines(self) -> list[Any]:
        """All machines that are registered."""
        return self.list_of(self.box, "machines")

    def find(self, name: str) -> Any:
        """A machine by its name; None when there is none. VirtualBox itself would take a uuid, too."""
        found = self.quietly(lambda: self.box.findMachine(name))
        if found is not None and found.accessible and found.name == name:
            return found
        return next((one for one in self.machines() if one.accessible and one.name == name), None)

    def code(self, error: BaseException) -> int:
        """The code of an error of VirtualBox, without its sign."""
        return int(getattr(error, "errno", 0) or 0) & 0xFFFFFFFF

    @property
    def errors(self) -> Any:
        """The class of the errors that the bindings raise."""
        return self.manager.oXcptClass

    def quietly(self, ask: Callable[[], T]) -> T | None:
        """An answer, None where VirtualBox has none."""
        try:
            return ask()
        except self.errors as error:
            if self.code(error) != NOT_FOUND:
                raise
        return None

    @contextmanager
    def says(self, doing: str = "") -> Iterator[None]:
        """Turn VirtualBox's errors into HypervisorError; doing: what was being done, unless the caller says that."""
        try:
            yield
        except self.errors as error:
            said = f"VirtualBox says: {getattr(error, 'msg', '') or error}"
            raise HypervisorError(f"{doing}: {said}" if doing else said) from error

    def patiently(self, act: Callable[[], T]) -> T:
        """Try again while somebody else has a machine locked for a moment; others' locks are short."""
        for pause_s in PAUSES_S:
            try:
                return act()
            except self.errors as error:
                if self.code(error) != BUSY:
                    raise
            time.sleep(pause_s)
        return act()

    @contextmanager
    def session(self, machine: Any) -> Iterator[Any]:
        """A session with a machine, be it off or running; the lock is shared with the process that runs it."""
        session = self.only_session
        with self.says(f"{machine.name} is locked"):
            self.patiently(lambda: machine.lockMachine(session, self.number("LockType", "Shared")))
        try:
            yield session
        finally:
            with suppress(self.errors):
                session.unlockMachine()

    @contextmanager
    def edited(self, machine: Any) -> Iterator[Any]:
        """A machine whose settings can be changed; they are stored at the end, all of them or none."""
        with self.session(machine) as session:
            mutable = session.machine
            try:
                yield mutable
                mutable.saveSettings()
            except BaseException:
                with suppress(self.errors):
                    mutable.discardSettings()
                raise

    def wait(self, progress: Any, doing: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until an operation has ended. HypervisorError when it failed, or goes on for too long."""
        end = time.monotonic() + patience_s
        while not progress.completed:
            if time.monotonic() > end:
                raise HypervisorError(f"{doing}: VirtualBox did not end it within {patience_s:.0f} s")
            progress.waitForCompletion(POLL_MS)
        if progress.resultCode:
            info = progress.errorInfo
            raise HypervisorError(f"{doing}: VirtualBox says: {info.text if info else hex(progress.resultCode)}")


_API: list[Api] = []


def connect() -> Api:
    """The connection of this process. AbsentError when the bindings are missing or VirtualBox does not answer."""
    if vboxapi is None:
        raise AbsentError(
            "the Python bindings of VirtualBox (vboxapi) are missing on the host for this Python interpreter; they "
            "come with VirtualBox, for the distribution's own Python: set ansible_python_interpreter to that"
        )
    if not _API:
        manager = _manager()
        atexit.register(manager.deinit)
        _API.append(Api(manager))
        _check_version(_API[0])
    return _API[0]


def _manager() -> Any:
    """The bindings' own object. The service behind it may be ending just now, so it is asked again.

    There is one: when one goes, the bindings close the connection of all. What goes wrong while it is made they print,
    where a module's result belongs, and go on.
    """
    last, manager = "", None
    for pause_s in (*PAUSES_S, 0.0):
        try:
            if manager is None:
                with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                    manager = vboxapi.VirtualBoxManager(None, None)
            manager.getVirtualBox()
        except Exception as error:  # noqa: BLE001  # the bindings raise what they like
            last = str(error) or type(error).__name__
        else:
            return manager
        time.sleep(pause_s)
    raise AbsentError(
        f"VirtualBox does not answer the user {getpass.getuser()}: {last}. Its guests are those of the user of the "
        "task (become_user), who needs a home that can be written to"
    )


def _check_version(api: Api) -> None:
    version = str(api.box.version)
    numbers = version.split(".")[:2]
    if not all(number.isdigit() for number in numbers) or tuple(map(int, numbers)) < OLDEST:
        raise HypervisorError(f"this is VirtualBox {version}, and 7.1 or later is needed")
