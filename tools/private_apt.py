"""Unpacks packages of another suite of the Debian archive into a folder, beside the system and without touching it.

    with PrivateApt(folder, "forky") as apt:
        apt.unpack_with_libraries(["godot"], prefix, lambda: [prefix / "usr/bin/godot"])

This apt has its own sources, lists, cache and empty status file. It changes neither the packages of the system nor the
state of the system's apt, and needs no root. It uses the archive of the system's apt, or that of `DEBIAN_MIRROR`.
Signatures are checked with Debian's keyring, or with the file in `DEBIAN_KEYRING`. `Valid-Until` is not checked,
because a mirror may be a frozen snapshot. The module needs apt and dpkg: Debian, or a distribution derived from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tools.elf import lacking

LIBC = "libc6"
ETC = Path("/etc/apt")
KEYRINGS = Path("/usr/share/keyrings")
SETTINGS = """\
Dir::Etc::main "/dev/null";
Dir::Etc::parts "{folder}/none";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/none";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
"""


class Failed(Exception):
    """A package or program cannot be had on this machine; the message says why."""


class Package(NamedTuple):
    """A package of the suite; only the first of alternative dependencies is kept."""

    version: str
    depends: list[str]


def call(command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Runs a program and returns its output.

    Raises:
        Failed: the program failed; the message holds the end of its output.
    """
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not on this machine") from None
    if done.returncode:
        printed = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise Failed(f"{' '.join(command[:3])} failed (status {done.returncode}): {printed}")
    return done.stdout


# -- what the system's apt is set up for ------------------------------------------------------------------------------


def archive() -> str:
    """Returns the URL of the Debian archive that the system's apt uses; archives of security updates do not count."""
    named = os.environ.get("DEBIAN_MIRROR")
    if named:
        return named
    for address in _addresses():
        if re.search(r"/debian/?$", address):
            return address.rstrip("/")
    raise Failed("apt on this machine names no Debian archive; DEBIAN_MIRROR can name one")


def _addresses() -> Iterator[str]:
    yield from call(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).split()
    for path in sorted(ETC.glob("sources.list.d/*.sources")):
        for words in re.findall(r"^uris:(.*)", path.read_text(errors="replace"), re.IGNORECASE | re.MULTILINE):
            yield from words.split()
    for path in (ETC / "sources.list", *sorted(ETC.glob("sources.list.d/*.list"))):
        if path.exists():
            pattern = r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)"
            yield from re.findall(pattern, path.read_text(errors="replace"), re.MULTILINE)


def _keyring() -> str:
    named = os.environ.get("DEBIAN_KEYRING")
    found = [named] if named else [str(path) for path in sorted(KEYRINGS.glob("debian-archive-keyring.*"))]
    return f"[signed-by={found[0]}] " if found else ""


def _way_out() -> str:
    """Returns the settings of the system's apt for proxies and similar."""
    lines = call(["apt-config", "dump"]).splitlines()
    return "".join(f"{line}\n" for line in lines if re.match(r"Acquire::https?::", line))


# -- the private one --------------------------------------------------------------------------------------------------


class PrivateApt:
    """A separate apt for one suite. It fetches the suite's index (10 MB) into `folder`, and removes it at the end."""

    def __init__(self, folder: Path, suite: str) -> None:
        self.folder, self.suite = folder.absolute(), suite
        self._known: dict[str, Package | None] = {}
        self._owners: dict[Path, str] = {}
        self._environment = dict(os.environ, APT_CONFIG=str(self.folder / "apt.conf"), LC_ALL="C")

    def __enter__(self) -> Self:
        try:
            self._write()
            # Make it an error, instead of a warning, if an index cannot be fetched.
            call(["apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any"], self._environment)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _write(self) -> None:
        for name in ("lists/partial", "cache/archives/partial", "none", "debs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.list").write_text(f"deb {_keyring()}{archive()} {self.suite} main\n")
        architecture = call(["dpkg", "--print-architecture"]).strip()
        settings = SETTINGS.format(folder=self.folder, architecture=architecture)
        (self.folder / "apt.conf").write_text(settings + _way_out())

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def find(self, names: Iterable[str]) -> dict[str, Package]:
        """Returns the packages of some names; names that the suite does not have are left out."""
        wanted = list(dict.fromkeys(names))
        unknown = [name for name in wanted if name not in self._known]
        if unknown:
            self._known |= dict.fromkeys(unknown) | self._look_up(unknown)
        return {name: package for name in wanted if (package := self._known[name]) is not None}

    def _look_up(self, names: Sequence[str]) -> dict[str, Package]:
        # One call for many names: apt reads the whole index in each call.
        try:
            text = call(["apt-cache", "show", "--no-all-versions", *names], self._environment)
        except Failed:  # there is none of them
            return {}
        found = {}
        for entry in text.split("\n\n"):
            fields = dict(re.findall(r"^([\w-]+): (.*)$", entry, re.MULTILINE))
            clauses = ",".join(fields.get(field, "") for field in ("Pre-Depends", "Depends")).split(",")
            needed = [re.split(r"[\s:(]", clause.split("|")[0].strip())[0] for clause in clauses]
            if "Version" in fields:
                found[fields["Package"]] = Package(fields["Version"], [name for name in needed if name])
        return found

    def unpack(self, names: Iterable[str], prefix: Path) -> None:
        """Downloads packages and unpacks them below `prefix`, without running their installation scripts."""
        debs, one = self.folder / "debs", self.folder / "one"
        call(["apt-get", "download", "-qq", *names], self._environment, debs)
        for path in sorted(debs.iterdir()):
            call(["dpkg-deb", "-x", str(path), str(one)])
            for place in merge(one, prefix):
                if not place.is_symlink():
                    self._owners[place.resolve()] = path.name.partition("_")[0]
            shutil.rmtree(one)
            path.unlink()

    def unpack_with_libraries(
        self, names: Iterable[str], prefix: Path, programs: Callable[[], Iterable[Path]], machine_libc: bool = False
    ) -> dict[str, str]:
        """Unpacks packages, and those of their dependencies that hold a library which the programs need.

        Args:
            names: of the packages.
            prefix: folder to unpack into.
            programs: returns the paths of the programs and modules; called when the packages are unpacked.
            machine_libc: whether to use the machine's own C library, for a suite that is older than the machine.

        Returns:
            The packages and their versions.
        """
        layer, have = list(names), dict[str, str]()
        unwanted = {LIBC} if machine_libc else set()
        while True:
            have |= self._versions(layer)
            self.unpack(layer, prefix)
            missing = lacking(prefix, programs(), machine_libc)
            if not missing:
                return have
            layer = self._suppliers(missing, unwanted | have.keys())
            if not layer:
                raise Failed(f"{self.suite} has no package for {', '.join(sorted(set().union(*missing.values())))}")

    def _versions(self, names: Sequence[str]) -> dict[str, str]:
        found = self.find(names)
        for name in names:
            if name not in found:
                raise Failed(f"the suite {self.suite} of the Debian archive has no package {name} for this machine")
        return {name: package.version for name, package in found.items()}

    def _suppliers(self, missing: Mapping[Path, object], unwanted: Set[str]) -> list[str]:
        """Returns the dependencies of the packages whose files lack a library."""
        owners = self.find(self._owners[path] for path in missing if path in self._owners)
        names = [name for package in owners.values() for name in package.depends if name not in unwanted]
        return list(self.find(names))


def merge(source: Path, target: Path) -> Iterator[Path]:
    """Moves all files and links of a tree into another tree; yields their new paths."""
    for folder, folders, files in os.walk(source):
        into = target / Path(folder).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in files + links:
            place = into / name
            if place.is_dir() and not place.is_symlink():
                continue  # one package has a link to a folder, and another the folder itself
            place.unlink(missing_ok=True)
            shutil.move(Path(folder, name), place)
            yield place
