# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract bites: of each faulty driver it is known which case must find the fault, and that case does."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_subject import FakeSubject
from ansible_collections.hostforge.hypervisor.tests.unit.guest import faulty

# The driver, and the case that must find it out.
FAULTS = {
    faulty.RoundsSizes: "creating_makes_what_was_wished",
    faulty.RoundsMemory: "an_edit_is_made_once[memory more]",
    faulty.SkipsAChange: "an_edit_is_made_once[autostart]",
    faulty.SkipsAndLies: "an_edit_is_made_once[description]",
    faulty.WritesWhenItReads: "creating_again_changes_nothing",
    faulty.WritesWhenItChecks: "check_mode_predicts_an_edit[disk added]",
    faulty.WritesWhenItPlans: "check_mode_predicts_an_edit[description]",
    faulty.LosesTheUnknown: "the_unknown_survives_an_edit[vcpus more]",
    faulty.LosesTheUnknownInside: "the_unknown_survives_an_edit[description]",
    faulty.OwnsEverything: "a_foreign_disk_survives_its_guest",
    faulty.ForgetsToLookForUsers: "a_shared_disk_survives",
    faulty.DeletesWhatItDetaches: "a_detached_disk_keeps_its_data",
    faulty.DeletesMedia: "media_survive_everything",
    faulty.TakesLiveForStored: "a_running_guest_is_edited_without_a_restart[tpm]",
    faulty.TakesStoredForLive: "a_running_guest_is_edited_without_a_restart[tpm]",
    faulty.ChangesOnlyTheStored: "a_running_guest_is_edited_without_a_restart[memory more]",
    faulty.ChangesOnlyTheRunning: "a_running_guest_is_edited_without_a_restart[memory less]",
    faulty.RestartsUnasked: "a_running_guest_is_edited_without_a_restart[tpm]",
    faulty.CutsPowerUnasked: "a_guest_that_ignores_shutdown_keeps_running",
    faulty.MakesUpNewAddresses: "a_card_wished_without_mac_keeps_its_own",
    faulty.ReadsTooMuch: "reading_gives_what_was_asked_for",
    faulty.TrimsText: "an_edit_is_made_once[description in lines]",
    faulty.MakesUpUuids: "a_uuid_is_one_guests_only",
    faulty.LeavesDataOfAbsentGuests: "removing_deletes_own_disks_when_that_is_said",
}


ALL = cases(FakeSubject)


def failing_cases(driver: type[FakeDriver], like: str) -> set[str]:
    """The names of the cases that a driver fails, among those that differ from one only in what is edited."""
    kind = type("FaultySubject", (FakeSubject,), {"kind": driver})
    tried = [case for case in ALL if case.function.__name__ == like.partition("[")[0]]
    return {str(case) for case in tried if not passes(case, kind())}


def passes(case: Case, subject: FakeSubject) -> bool:
    try:
        case.run(subject)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(("driver", "case"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_is_found(driver: type[FakeDriver], case: str) -> None:
    assert case in failing_cases(driver, case)
    assert case not in failing_cases(FakeDriver, case)


def test_every_fault_is_tried() -> None:
    defined = {value for value in vars(faulty).values() if isinstance(value, type) and issubclass(value, FakeDriver)}
    assert defined - {FakeDriver} == set(FAULTS)
