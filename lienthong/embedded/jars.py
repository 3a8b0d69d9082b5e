"""Apache Kafka's jars: fetched once through Maven into the user's cache, each checked against a committed checksum."""

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
Say = Callable[[str], None]


def folder() -> Path:
    """Where jars, the formatted metadata and class archives are kept between stacks."""
    return cache() / f"kafka-{VERSION}"


def java() -> tuple[str, str]:
    """(real path, version) of the Java to use: `JAVA_HOME`, else the one on the path. Raises Trouble below 17."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not found:
        where = f"JAVA_HOME ({home}) holds no bin/java" if home else "there is no `java` on the path"
        raise Trouble(f"Kafka needs Java 17 or newer, and {where}: install it ({_INSTALL}) or set JAVA_HOME.")
    version = _version_of(Path(found).resolve())
    major = int(re.match(r"(?:1\.)?(\d+)", version).group(1)) if version[:1].isdigit() else 0  # type: ignore[union-attr]
    if major < 17:
        raise Trouble(
            f"Kafka needs Java 17 or newer, and {found} is {version or 'unknown'}: "
            f"install one ({_INSTALL}) or set JAVA_HOME."
        )
    return str(Path(found).resolve()), version


def _version_of(program: Path) -> str:
    release = program.parent.parent / "release"  # spares starting a JVM just to ask
    text = release.read_text() if release.is_file() else ""
    if match := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE):
        return match.group(1)
    told = subprocess.run([str(program), "-version"], capture_output=True, text=True).stderr
    match = re.search(r'version "([^"]+)"', told)
    return match.group(1) if match else ""


def ensure(say: Say) -> list[str]:
    """Absolute paths of the checked jars in class-path order; fetches them when they are not there yet.

    say     told once, before a fetch
    raises  Trouble without Maven, without network, or when a jar is not the one we know
    """
    wanted = _wanted()
    home = folder() / "lib"
    paths = [str(home / name) for name in sorted(wanted)]
    if _remembered(wanted):
        return paths
    if not home.is_dir():
        _fetch(home, say)
    _check(home, wanted)
    for archive in folder().glob("classes-*"):  # made from other files, so the JVM would ignore it for ever
        archive.unlink()
    _remember(wanted)
    return paths


def _wanted() -> dict[str, str]:
    lines = files("lienthong.embedded").joinpath(f"kafka-{VERSION}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _fetch(home: Path, say: Say) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise Trouble(
            f"Apache Kafka {VERSION} is not in {home} yet, and there is no `mvn` to fetch it with: "
            f"install Maven ({_INSTALL})."
        )
    say(f"Fetching Apache Kafka {VERSION} through Maven (44 MB, once per user) into {home}")
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
                f"Maven could not fetch Apache Kafka {VERSION}: see {log}; "
                "check the network and Maven's mirrors, then start again."
            )
        try:
            (Path(work) / "lib").rename(home)
        except OSError:
            if not home.is_dir():  # otherwise a twin was faster, and its jars are checked next
                raise


def _check(home: Path, wanted: dict[str, str]) -> None:
    for name, digest in wanted.items():
        jar = home / name
        if not jar.is_file() or hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            state = "is missing" if not jar.is_file() else "is not the file we know (its sha256 differs)"
            raise Trouble(f"{jar} {state}: delete {home} and start again.")


def _seen(wanted: dict[str, str]) -> str:
    stats = {name: (folder() / "lib" / name).stat() for name in wanted}
    return json.dumps(
        {name: [wanted[name], stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}, sort_keys=True
    )


def _remember(wanted: dict[str, str]) -> None:
    (folder() / "checked.json").write_text(_seen(wanted))


def _remembered(wanted: dict[str, str]) -> bool:
    """True if the very files checked earlier are still there, by size and time: hashing 44 MB takes 40 times longer."""
    try:
        return (folder() / "checked.json").read_text() == _seen(wanted)
    except OSError:
        return False
