# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: one fetch per host, nothing kept that is not what the checksum says, nothing left of killed runs."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import (
    DIGEST_LENGTHS,
    check_image,
    checksum_error,
    ensure_image,
    find_digest,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

CACHE = "/cache"
DATA = b"an image"
URL = "https://example.org/pool/base%2B1.qcow2?token=x"
SUMS = "https://example.org/pool/SHA256SUMS"
SHA256 = hashlib.sha256(DATA).hexdigest()
CACHED = f"{CACHE}/sha256-{SHA256}.qcow2"
EXACT = Image(URL, f"sha256:{SHA256.upper()}")


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(web={URL: DATA, SUMS: f"{'0' * 64}  other.qcow2\n{SHA256} *base+1.qcow2\n".encode()})


def left(host: FakeHost) -> list[str]:
    return [path for path in host.files if path.startswith(CACHE)]


def trust(_path: str) -> None:
    """What came is an image."""


@pytest.mark.parametrize("image", [EXACT, Image(URL, f"sha256:{SUMS}")])
def test_an_image_is_fetched_checked_and_put_in_its_place_in_one_step(host: FakeHost, image: Image) -> None:
    assert ensure_image(host, image, CACHE, trust) == CACHED
    assert left(host) == [CACHED]
    assert host.files[CACHED] == DATA
    assert host.modes[CACHED] == 0o644
    (rename,) = host.did("rename")
    assert rename == (part_of(CACHED), CACHED)


@pytest.mark.parametrize("source", [URL, "/srv/base.qcow2"])
def test_an_image_is_read_once_to_verify_it(host: FakeHost, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """However large it is, the second disk from it takes no reading."""
    digests = []
    digest = host.digest
    monkeypatch.setattr(host, "digest", lambda *what: digests.append(what) or digest(*what))
    host.files["/srv/base.qcow2"] = DATA
    for _disk in range(3):
        ensure_image(host, Image(source, EXACT.checksum), CACHE, trust)
        check_image(host, Image(source, EXACT.checksum), CACHE)
    assert len(digests) == 1
    assert len(host.did("fetch") + host.did("copy")) == 1


def test_an_image_is_fetched_once(host: FakeHost) -> None:
    for _run in range(3):
        ensure_image(host, EXACT, CACHE, trust)
    assert host.did("fetch") == [(URL,)]


def test_a_trusted_url_is_fetched_once_too(host: FakeHost) -> None:
    paths = {ensure_image(host, Image(URL, "none"), CACHE, trust) for _run in range(2)}
    assert len(paths) == 1
    assert host.did("fetch") == [(URL,)]


def test_a_wrong_checksum_keeps_nothing(host: FakeHost) -> None:
    wrong = Image(URL, f"sha256:{'0' * 64}")
    with pytest.raises(HostError, match=f"has the sha256 checksum {SHA256}, not {'0' * 64}; nothing of it was kept"):
        ensure_image(host, wrong, CACHE, trust)
    assert left(host) == []
    assert ensure_image(host, EXACT, CACHE, trust) == CACHED


def test_a_download_that_is_cut_keeps_nothing(host: FakeHost) -> None:
    host.broken = {URL}
    with pytest.raises(HostError, match="announced 8 bytes"):
        ensure_image(host, EXACT, CACHE, trust)
    assert left(host) == []
    host.broken = set()
    assert ensure_image(host, EXACT, CACHE, trust) == CACHED


@pytest.mark.parametrize("step", ["fetch", "chmod", "rename"])
def test_a_step_that_fails_keeps_nothing(host: FakeHost, step: str) -> None:
    host.broken = {step}
    with pytest.raises(HostError, match="is broken"):
        ensure_image(host, EXACT, CACHE, trust)
    assert left(host) == []


def test_what_killed_runs_left_is_swept_and_what_others_make_is_not(host: FakeHost) -> None:
    host.folders["/proc/77"] = 0o555
    dead = [
        f"{CACHE}/.hostforge.{name}" for name in ("sha256-1.qcow2.part-99", "checksums.part-99", "md5-0.raw.part-98")
    ]
    # A part of an archive of somebody else is named as ours would be without the prefix.
    alive = [f"{CACHE}/.hostforge.sha256-1.qcow2.part-77", f"{CACHE}/notes.part-x", f"{CACHE}/backup.tar.part-99"]
    alive.append(f"{CACHE}/sha256-1.qcow2")
    host.files.update(dict.fromkeys([*dead, *alive], b"?"))
    ensure_image(host, EXACT, CACHE, trust)
    assert sorted(left(host)) == sorted([CACHED, *alive])


def test_a_file_on_the_host(host: FakeHost) -> None:
    host.files["/srv/a.raw"] = DATA
    image = Image("/srv/a.raw", format="raw")
    check_image(host, image, CACHE)
    path = ensure_image(host, image, CACHE, trust)
    assert path.endswith(".raw")
    assert host.files["/srv/a.raw"] == DATA
    assert ensure_image(host, image, CACHE, trust) == path
    host.files["/srv/a.raw"] = DATA + b", and a newer one"
    assert ensure_image(host, image, CACHE, trust) != path


def test_a_file_on_the_host_with_a_checksum(host: FakeHost) -> None:
    host.files["/srv/a.qcow2"] = DATA
    assert ensure_image(host, Image("/srv/a.qcow2", f"sha256:{SHA256}"), CACHE, trust) == CACHED
    with pytest.raises(HostError, match="checksum"):
        ensure_image(host, Image("/srv/a.qcow2", f"md5:{'0' * 32}"), CACHE, trust)
    assert left(host) == [CACHED]


def test_a_file_that_is_not_there(host: FakeHost) -> None:
    image = Image("/srv/none.qcow2")
    with pytest.raises(PlanError, match=r"/srv/none\.qcow2"):
        check_image(host, image, CACHE)
    with pytest.raises(HostError, match=r"/srv/none\.qcow2"):
        ensure_image(host, image, CACHE, trust)


@pytest.mark.parametrize("checksum", [None, "none", f"sha256:{SHA256}", f"sha256:{SUMS}"])
def test_an_image_on_the_controller_is_asked_for(host: FakeHost, checksum: str | None) -> None:
    image = Image("images/a.qcow2", checksum, remote_src=False)
    for attempt in (check_image, lambda *arguments: ensure_image(*arguments, trust)):
        with pytest.raises(MissingImageError) as caught:
            attempt(host, image, CACHE)
        assert caught.value.source == "images/a.qcow2"


def test_an_image_from_the_controller_that_has_come(host: FakeHost) -> None:
    host.files[CACHED] = DATA
    image = Image("images/a.qcow2", f"sha256:{SHA256}", remote_src=False)
    check_image(host, image, CACHE)
    assert ensure_image(host, image, CACHE, trust) == CACHED


def test_looking_downloads_nothing(host: FakeHost) -> None:
    check_image(host, EXACT, CACHE)
    check_image(host, Image(URL, f"sha256:{SUMS}"), CACHE)
    assert host.log == []
    assert left(host) == []


NAME = "base.qcow2"


@pytest.mark.parametrize(
    "text",
    [
        f"{SHA256}  {NAME}\n",
        f"{SHA256} *{NAME}\r\n",
        f"{SHA256.upper()}\t./pool/{NAME}",
        f"\\{SHA256}  {NAME}",
        f"SHA256 ({NAME}) = {SHA256}",
        f"SHA512 ({NAME}) = {'1' * 128}\nSHA256 ({NAME}) = {SHA256}",
        f"{'1' * 128}  {NAME}\n{SHA256}  {NAME}\n",
        f"# comment\n\n{'0' * 64}  x{NAME}\n{'0' * 64}  {NAME}.sig\n{SHA256}  {NAME}\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{SHA256}  {NAME}\n-----BEGIN PGP SIGNATURE-----\n",
        SHA256,
        f"{SHA256}\n",
        f"{SHA256}  -\n",
    ],
)
def test_checksum_files_of_all_kinds(text: str) -> None:
    assert find_digest(text, NAME, "sha256", SUMS) == SHA256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>not found</html>",
        f"{SHA256}  other.qcow2",
        f"{SHA256[:-1]}  {NAME}",
        f"{SHA256}0  {NAME}",
        f"BLAKE2S ({NAME}) = {SHA256}",
        f"MD5 ({NAME}) = {'0' * 32}",
        f"{SHA256}\n{SHA256}\n{SHA256}",
        f"{'g' * 64}",
        f"{SHA256} {SHA256}",
    ],
)
def test_checksum_files_without_the_right_one(text: str) -> None:
    with pytest.raises(HostError, match=r"holds no sha256 checksum of base\.qcow2"):
        find_digest(text, NAME, "sha256", SUMS)


@pytest.mark.parametrize("algorithm", DIGEST_LENGTHS)
def test_checksums_as_written(algorithm: str) -> None:
    length = DIGEST_LENGTHS[algorithm]
    assert checksum_error(f"{algorithm}:{'aF' * (length // 2)}") == ""
    assert checksum_error(f"{algorithm}:{SUMS}") == ""
    for wrong in (
        f"{algorithm}:{'a' * (length - 1)}",
        f"{algorithm}:{'g' * length}",
        algorithm,
        f"{algorithm}:",
        "a" * length,
    ):
        assert "ALGORITHM:HEX" in checksum_error(wrong)
