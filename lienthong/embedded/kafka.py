"""Apache Kafka as one child process: broker and controller in KRaft mode, on loopback."""

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from zlib import crc32

from lienthong.embedded import Trouble, access, jars, private
from lienthong.embedded.plan import KAFKA_USER, Plan

# One node on a laptop: no replicas, few partitions for Kafka's internal topics, small buffers.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
# CLIENT for ourselves, OUTSIDE for connectors of provinces
listeners=CLIENT://127.0.0.1:{port},OUTSIDE://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{advertised},OUTSIDE://127.0.0.1:{outside}
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,OUTSIDE:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.outside.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.outside.scram-sha-256.sasl.jaas.config={scram}
listener.name.outside.scram-sha-512.sasl.jaas.config={scram}
# our own user may do everything, and everybody else what an ACL allows
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{user}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
# after a kill -9 the next start waits for the old session to end
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
log.cleaner.dedupe.buffer.size=8388608
"""
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
# Class loading takes two seconds of the start-up; the first compiler tier is enough for the load of one laptop.
JVM = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
LOGGING = [
    "defaultLogLevel=warn",
    "showDateTime=true",
    "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "showShortLogName=true",
]


class Broker:
    """Files and command lines of one stack's broker. The supervisor starts it.

    plan     ports and folders
    classes  jars in class-path order, from `jars.ensure`
    """

    def __init__(self, plan: Plan, classes: list[str]) -> None:
        self.plan = plan
        self.folder = plan.data / "kafka"
        self._java, version = jars.java()
        self._classes = ":".join(classes)
        self._archive = jars.folder() / f"classes-{version}-{crc32((self._java + SETTINGS).encode()):08x}.jsa"
        self._fresh_archive: Path | None = None
        self._login = self.folder / "login.conf"  # who may sign in, and as whom the broker itself does

    def prepare(self) -> None:
        """Write the configuration; format the data folder if it is missing or was wiped.

        raises  Trouble if a newer version wrote the data: Kafka cannot be downgraded
        """
        data, version_file = self.folder / "data", self.folder / "version"
        private.folder(self.folder)
        if data.exists() and version_file.exists() and _parts(version_file.read_text()) > _parts(jars.VERSION):
            raise Trouble(
                f"The broker's data in {data} was written by Kafka {version_file.read_text().strip()}; this is the older "
                f"{jars.VERSION}. Start the newer version, or delete {self.folder}: the services send again what was not read."
            )
        private.write(version_file, f"{jars.VERSION}\n")
        port, outside, controller = map(self.plan.port, ("kafka", "kafka-outside", "kafka-controller"))
        settings = _settings(str(data), port, outside, controller, self.plan.detours.get("kafka"))
        private.write(self.folder / "server.properties", settings)
        private.write(self._login, f"KafkaServer {{\n  {access.jaas(self.plan, accepts=True)}\n}};\n")
        if not (data / "meta.properties").exists():
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir()
            shutil.copyfile(self._formatted(), data / "bootstrap.checkpoint")
            names = {"version": "1", "node.id": "1", "cluster.id": _kafka_uuid(), "directory.id": _kafka_uuid()}
            private.write(data / "meta.properties", "".join(f"{key}={value}\n" for key, value in names.items()))

    def command(self) -> list[str]:
        """Command line of the broker. It uses the class archive; if there is none, a clean stop writes one."""
        if self._archive.exists():
            self._fresh_archive = None
            sharing = f"-XX:SharedArchiveFile={self._archive}"
        else:
            self._fresh_archive = self._archive.with_suffix(f".{os.getpid()}")
            sharing = f"-XX:ArchiveClassesAtExit={self._fresh_archive}"
        logging = [f"-Dorg.slf4j.simpleLogger.{setting}" for setting in LOGGING]
        login = f"-Djava.security.auth.login.config={self._login}"  # a file: everybody can read a command line
        words = [*JVM, login, sharing, "-Xlog:cds=off", "-Xlog:cds+dynamic=off", *logging, "-cp", self._classes]
        return [self._java, *words, "kafka.Kafka", str(self.folder / "server.properties")]

    def stopped(self, *, cleanly: bool) -> None:
        """Keep the class archive after a clean stop; delete an incomplete one."""
        if self._fresh_archive is not None and self._fresh_archive.exists():
            if cleanly:
                self._fresh_archive.replace(self._archive)
            else:
                self._fresh_archive.unlink()

    def wipe(self) -> None:
        """Delete the data: the next start formats an empty broker with a new cluster id."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def _formatted(self) -> Path:
        """Metadata with this version's feature levels, written by Kafka's format tool once per user."""
        checkpoint = jars.folder() / "bootstrap.checkpoint"
        if not checkpoint.exists():
            with tempfile.TemporaryDirectory(dir=checkpoint.parent, prefix="format-") as work:
                settings = Path(work) / "server.properties"
                settings.write_text(_settings(f"{work}/data", 1, 2, 3))
                words = [
                    *JVM,
                    "-cp",
                    self._classes,
                    "kafka.tools.StorageTool",
                    "format",
                    "-t",
                    _kafka_uuid(),
                    "-c",
                    str(settings),
                ]
                done = subprocess.run([self._java, *words], capture_output=True, text=True)
                if done.returncode:
                    raise Trouble(f"Kafka could not format its metadata: {(done.stderr or done.stdout).strip()[-500:]}")
                (Path(work) / "data" / checkpoint.name).replace(checkpoint)
        return checkpoint


def _settings(data: str, port: int, outside: int, controller: int, advertised: int | None = None) -> str:
    ports = {"port": port, "outside": outside, "controller": controller, "advertised": advertised or port}
    return SETTINGS.format(data=data, user=KAFKA_USER, scram=SCRAM, **ports)


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.strip().split(".")]


def _kafka_uuid() -> str:
    """A random id in Kafka's format. It begins with L: a leading dash would be parsed as an option."""
    return "L" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
