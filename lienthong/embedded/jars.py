"""Apache Kafka's jars: downloaded once by Maven into the user's cache; each is checked against a committed checksum."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from lienthong.embedded import Trouble, cache

VERSION = "4.3.1"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lienthong</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
_INSTALL = "on Debian or Ubuntu: `apt-get install openjdk-17-jre-headless maven`"
Notify = Callable[[str], None]


def folder() -> Path:
    """Cache folder of the jars, the formatted metadata and the class archives, shared by all stacks."""
    return cache() / f"kafka-{VERSION}"


def java() -> tuple[str, str]:
    """(real path, version) of the Java to use: `JAVA_HOME`, else the one on the path. Raises Trouble below 17."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not program:
        problem = f"JAVA_HOME ({home}) has no bin/java" if home else "there is no `java` on the path"
        raise Trouble(f"Kafka needs Java 17 or newer, and {problem}: install it ({_INSTALL}) or set JAVA_HOME.")
    version = _version_of(Path(program).resolve())
    major = int(re.match(r"(?:1\.)?(\d+)", version).group(1)) if version[:1].isdigit() else 0  # type: ignore[union-attr]
    if major < 17:
        raise Trouble(
            f"Kafka needs Java 17 or newer, and {program} is {version or 'unknown'}: "
            f"install one ({_INSTALL}) or set JAVA_HOME."
        )
    return str(Path(program).resolve()), version


def _version_of(program: Path) -> str:
    release = program.parent.parent / "release"  # reading it is faster than starting a JVM
    text = release.read_text() if release.is_file() else ""
    if match := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE):
        return match.group(1)
    output = subprocess.run([str(program), "-version"], capture_output=True, text=True).stderr
    match = re.search(r'version "([^"]+)"', output)
    return match.group(1) if match else ""


def ensure(notify: Notify) -> list[str]:
    """Absolute paths of the checked jars in class-path order; downloads them first if they are missing.

    notify  called once, before a download
    raises  Trouble without Maven, without network, or if a checksum differs
    """
    digests = _digests()
    home = folder() / "lib"
    paths = [str(home / name) for name in sorted(digests)]
    if _is_checked(digests):
        return paths
    if not home.is_dir():
        _fetch(home, notify)
    _check(home, digests)
    for archive in folder().glob("classes-*"):  # made from other files: the JVM would ignore it
        archive.unlink()
    _save_checked(digests)
    return paths


def _digests() -> dict[str, str]:
    lines = files("lienthong.embedded").joinpath(f"kafka-{VERSION}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _fetch(home: Path, notify: Notify) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise Trouble(
            f"Apache Kafka {VERSION} is not in {home} yet, and there is no `mvn` to download it: "
            f"install Maven ({_INSTALL})."
        )
    notify(f"Downloading Apache Kafka {VERSION} with Maven (44 MB, once per user) into {home}")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetch-") as work:
        (Path(work) / "pom.xml").write_text(_POM)
        words = [
            maven,
            "-B",
            "-q",
            "-f",
            f"{work}/pom.xml",
            _COPY,
            "-DincludeScope=runtime",
            f"-DoutputDirectory={work}/lib",
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            log = folder() / "fetch.log"
            log.write_text(done.stdout + done.stderr)
            raise Trouble(
                f"Maven could not download Apache Kafka {VERSION}: see {log}; "
                "check the network and Maven's mirrors, then try again."
            )
        try:
            (Path(work) / "lib").rename(home)
        except OSError:
            if not home.is_dir():  # otherwise another process was faster; its jars are checked next
                raise


def _check(home: Path, digests: dict[str, str]) -> None:
    for name, digest in digests.items():
        jar = home / name
        if not jar.is_file() or hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            state = "is missing" if not jar.is_file() else "has an unexpected content (its sha256 differs)"
            raise Trouble(f"{jar} {state}: delete {home} and try again.")


def _fingerprint(digests: dict[str, str]) -> str:
    stats = {name: (folder() / "lib" / name).stat() for name in digests}
    return json.dumps(
        {name: [digests[name], stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}, sort_keys=True
    )


def _save_checked(digests: dict[str, str]) -> None:
    (folder() / "checked.json").write_text(_fingerprint(digests))


def _is_checked(digests: dict[str, str]) -> bool:
    """True if size and time of all files are as at the last check: hashing 44 MB takes 40 times longer."""
    try:
        return (folder() / "checked.json").read_text() == _fingerprint(digests)
    except OSError:
        return False
