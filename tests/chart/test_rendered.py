"""The chart as it is rendered: valid for Kubernetes, safe, complete, and with settings that our processes read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lienthong.embedded.plan import ROLES, ROLES_BY_NAME, Role
from shared.messaging.kafka import Access
from shared.settings import Settings, host_and_port
from shared.web.guard import is_loopback
from tests.chart.conftest import CHART, KUBERNETES, RELEASE, Document, Refuse, Render
from tests.support import yaml_files

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml_files.read(ROOT / "docker-compose.yml")["services"]
POD_IP = "10.1.2.3"

each_set = pytest.mark.parametrize("values", ["minimal", "full"])
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def of(documents: list[Document], kind: str) -> dict[str, Document]:
    """The documents of a kind, by name."""
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def pod_of(documents: list[Document], role: str) -> Document:
    pod: Document = of(documents, "Deployment")[f"{RELEASE}-{role}"]["spec"]["template"]
    return pod


def container_of(documents: list[Document], role: str) -> Document:
    (container,) = pod_of(documents, role)["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def environment(documents: list[Document], role: str) -> dict[str, str]:
    """The variables that Kubernetes gives a process, without what only other variables are made of."""
    container = container_of(documents, role)
    (source,) = container["envFrom"]
    own = {each["name"]: each.get("value", POD_IP) for each in container["env"]}
    address = own.pop("POD_IP")
    own = {name: value.replace("$(POD_IP)", address) for name, value in own.items()}
    return {**of(documents, "ConfigMap")[source["configMapRef"]["name"]]["data"], **own}


def settings_of(role: Role) -> type[Settings]:
    settings: type[Settings] = import_module(role.target.rpartition(".")[0] + ".settings").Settings
    return settings


def names_of(settings: type[Settings] | type[Access]) -> set[str]:
    prefix = settings.model_config["env_prefix"]
    return {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in settings.model_fields.items()}


@each_set
@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_every_document_is_one_of_kubernetes(
    kubernetes: str, values: str, render: Render, problems: Callable[[str, Document], list[str]]
) -> None:
    documents = render(values, kubernetes=kubernetes)
    assert len(of(documents, "Deployment")) == len(ROLES)
    wrong = {f"{each['kind']} {each['metadata']['name']}": problems(kubernetes, each) for each in documents}
    assert not {name: why for name, why in wrong.items() if why}


@each_set
def test_helm_has_no_objection(values: str, helm: Callable[..., Any]) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(Path(__file__).parent / "values" / f"{values}.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_document_that_is_none_is_noticed(render: Render, problems: Callable[[str, Document], list[str]]) -> None:
    deployment = deepcopy(next(iter(of(render("minimal"), "Deployment").values())))
    deployment["spec"]["replica"] = 2
    deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = "http"
    said = "; ".join(problems(KUBERNETES[-1], deployment))
    assert "replica" in said and "containerPort" in said


@each_set
@each_role
def test_a_process_is_that_of_compose(role: Role, values: str, render: Render) -> None:
    documents = render(values)
    container, composed = container_of(documents, role.name), COMPOSE[role.name]
    assert container["command"] == composed["command"]
    port = host_and_port(composed["environment"]["LISTEN"])[1]
    assert [each["containerPort"] for each in container["ports"]] == [port]
    assert environment(documents, role.name)["LISTEN"] == composed["environment"]["LISTEN"]
    receivers = "WEBHOOK_ALLOWED_HOSTS"
    assert (receivers in environment(documents, role.name)) == (receivers in composed["environment"])
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]
        (host,) = container[probe]["httpGet"]["httpHeaders"]
        assert host["name"] == "Host" and is_loopback(host["value"]), "accepted whatever the address of the pod is"


@each_set
@each_role
def test_a_process_starts_with_its_variables_and_the_files_of_its_secret(
    role: Role, values: str, render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = render(values)
    given = environment(documents, role.name)
    # With its own prefix, the process itself refuses an unknown name; with that of another service, it is not its own.
    assert {name for name in given if not name.startswith(("PORTAL_", "PROVINCE_", "IDENTITY_", "PAYMENT_"))} <= (
        names_of(settings_of(role)) | names_of(Access)
    )
    everybodys = {name for each in ROLES for name in names_of(settings_of(each))} | names_of(Access)
    assert set(given) <= everybodys, "a variable that no process reads"
    (secret,) = [each["secret"] for each in pod_of(documents, role.name)["spec"]["volumes"] if "secret" in each]
    keys = {each["path"] for each in secret["items"]}
    assert keys >= {f"{role.database.upper()}_DATABASE_URL", *role.secrets}
    _as_kubernetes_mounts(tmp_path, keys)
    for name in everybodys:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**given, "SECRETS_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    settings = settings_of(role)()
    assert settings.database_url == f"invented {role.database.upper()}_DATABASE_URL"  # type: ignore[attr-defined]
    assert settings.service_secret.get_secret_value() == "invented SERVICE_SECRET"
    assert {POD_IP, f"{RELEASE}-{role.name}"} <= settings.hosts
    if values == "full" and "KAFKA_SASL_PASSWORD" in keys:
        access = Access(_secrets_dir=tmp_path)
        assert access.sasl_password.get_secret_value() == "invented KAFKA_SASL_PASSWORD"
        assert access.ssl_cafile.startswith(_mounts(documents, role.name)["certificates"] + "/")


def _as_kubernetes_mounts(folder: Path, keys: set[str]) -> None:
    """Files of a Secret: links into a folder that is exchanged when the Secret changes."""
    (folder / "..2026").mkdir()
    (folder / "..data").symlink_to("..2026")
    for key in keys:
        (folder / "..2026" / key).write_text(f"invented {key}")
        (folder / key).symlink_to(f"..data/{key}")


def _mounts(documents: list[Document], role: str) -> dict[str, str]:
    return {each["name"]: each["mountPath"] for each in container_of(documents, role)["volumeMounts"]}


@each_role
def test_only_what_connects_to_the_broker_knows_its_password(role: Role, render: Render) -> None:
    (secret,) = [each["secret"] for each in pod_of(render("full"), role.name)["spec"]["volumes"] if "secret" in each]
    code = "\n".join(path.read_text() for path in (ROOT / "services" / role.target.split(".")[1]).rglob("*.py"))
    connects = not role.api or "Administrator(" in code
    assert ("KAFKA_SASL_PASSWORD" in {each["key"] for each in secret["items"]}) == connects


@each_set
@each_role
def test_a_pod_can_do_little(role: Role, values: str, render: Render) -> None:
    documents = render(values)
    pod, container = pod_of(documents, role.name)["spec"], container_of(documents, role.name)
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
    assert of(documents, "ServiceAccount")[pod["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    image = dict(re.findall(r"\b(SECRETS_DIR)=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    assert _mounts(documents, role.name)["secrets"] == image["SECRETS_DIR"]


@each_set
def test_no_secret_and_no_role_is_made(values: str, render: Render) -> None:
    kinds = {each["kind"] for each in render(values)}
    assert kinds <= {
        *("ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"),
    }


def selected(documents: list[Document], selector: dict[str, str]) -> set[str]:
    """The processes whose pods have these labels."""
    return {
        name.removeprefix(f"{RELEASE}-")
        for name, each in of(documents, "Deployment").items()
        if selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    }


@each_set
def test_every_address_leads_to_pods_of_its_process_also_before_they_are_ready(values: str, render: Render) -> None:
    documents = render(values)
    variables = environment(documents, "portal-api")
    services = of(documents, "Service")
    for role in ROLES:
        name = role.url_variable.replace("_URL", "_INTERNAL_URL") if role.api else role.url_variable
        host, port = host_and_port(variables[name])
        service = services[host]["spec"]
        assert selected(documents, service["selector"]) == {role.name}
        assert [each["port"] for each in service["ports"]] == [port]
        assert service["publishNotReadyAddresses"] is True, "portal and gateway wait for each other at the first start"
        if role.api:
            clients = services[f"{RELEASE}-{role.name}"]["spec"]
            assert clients["selector"] == service["selector"] and clients["publishNotReadyAddresses"] is False


def test_the_ingress_leads_each_host_to_its_api(render: Render) -> None:
    documents = render("full")
    (ingress,) = of(documents, "Ingress").values()
    leads = {rule["host"]: rule["http"]["paths"][0]["backend"]["service"]["name"] for rule in ingress["spec"]["rules"]}
    variables = environment(documents, "portal-api")
    apis = [role for role in ROLES if role.api]
    assert leads == {variables[role.url_variable].partition("//")[2]: f"{RELEASE}-{role.name}" for role in apis}
    (tls,) = ingress["spec"]["tls"]
    assert set(tls["hosts"]) == set(leads)


def test_the_policy_lets_clients_in_to_the_apis_alone(render: Render) -> None:
    policies = of(render("full"), "NetworkPolicy")
    (expression,) = policies[f"{RELEASE}-clients"]["spec"]["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == {role.name for role in ROLES if role.api}
    closed = of(render("minimal"), "NetworkPolicy")
    (rule,) = closed[RELEASE]["spec"]["ingress"]
    assert closed.keys() == {RELEASE}
    assert [set(peer) for peer in rule["from"]] == [{"podSelector"}], "by default, pods of this release alone"
    assert "egress" not in closed[RELEASE]["spec"] and "Egress" in policies[RELEASE]["spec"]["policyTypes"]


def test_what_has_several_pods_keeps_some_when_a_node_is_emptied(render: Render) -> None:
    documents = render("minimal")
    several = {name for name, each in of(documents, "Deployment").items() if each["spec"]["replicas"] > 1}
    assert several == {f"{RELEASE}-portal-worker", f"{RELEASE}-gateway-worker"}
    for name, budget in of(documents, "PodDisruptionBudget").items():
        several.remove(name)
        assert selected(documents, budget["spec"]["selector"]["matchLabels"]) == {name.removeprefix(f"{RELEASE}-")}
    assert not several


def test_a_changed_setting_replaces_the_pods(render: Render) -> None:
    one, other = (
        pod_of(render("minimal", f"databasePool={size}", f"settings.PORTAL_BATCH={size}x"), "identity")["metadata"]
        for size in (20, 30)
    )
    assert one["annotations"] != other["annotations"] and one["labels"] == other["labels"]


WITH_INGRESS = (
    *("ingress.enabled=true", "ingress.everybodyMayUseTestEndpoints=true", "networkPolicy.enabled=false"),
    *(f"addresses.{name}=http://{name}.example" for name in ("portal", "gateway", "identity", "payment")),
)


def _refusals() -> Iterator[tuple[str, tuple[str, ...], str]]:
    yield "no image", ("image.repository=",), "Set image.repository: build the image"
    yield "no broker", ("kafka.bootstrapServers=",), "Set kafka.bootstrapServers: host:port of your Kafka"
    yield "no port", ("kafka.bootstrapServers=kafka",), "kafka.bootstrapServers is 'kafka': write host:port"
    yield "loopback", ("kafka.bootstrapServers=127.0.0.1:9092",), "a loopback address, which in a pod is the pod"
    yield "no secret", ("secrets.identity=",), "Set secrets.identity: the name of a Secret"
    yield "no mechanism", ("kafka.saslMechanism=GSSAPI",), "at '/kafka/saslMechanism': value must be one of 'PLAIN'"
    yield "no certificates", ("kafka.caFile=ca.pem",), "set certificates.configMap, too"
    authority = ("kafka.caFile=ca.pem", "certificates.configMap=authorities")
    yield "not encrypted", authority, "set kafka.securityProtocol to SSL or SASL_SSL"
    yield "too many workers", ("replicas.portal-worker=35",), "at '/replicas/portal-worker': maximum: got 35, want 34"
    yield "no number", ("replicas.payment=two",), "at '/replicas/payment': got string, want integer"
    yield "no process", ("replicas.scheduler=1",), "at '/replicas': additional properties 'scheduler' not allowed"
    yield "misspelt", ("databasePol=20",), "additional properties 'databasePol' not allowed"
    yield "no scheme", ("addresses.portal=portal.example",), "addresses.portal is 'portal.example': write http://"
    yield "a path", ("addresses.gateway=http://x.example/gateway",), "write http:// or https://, a host, and a port"
    yield "twice", ("addresses.payment=http://127.0.0.1:8000",), "Two of the addresses are the same"
    yield "a secret", ("settings.PAYMENT_PARTNER_SECRET=x",), "settings.PAYMENT_PARTNER_SECRET is a secret"
    yield "own value", ("settings.PORTAL_INTERNAL_URL=x",), "settings.PORTAL_INTERNAL_URL has a value of its own"
    yield "no setting", ("settings.LISTEN=x",), "settings.LISTEN is no variable of .env.example"
    yield "open", ("ingress.enabled=true",), "set ingress.everybodyMayUseTestEndpoints=true"
    yield "closed", (*WITH_INGRESS, "networkPolicy.enabled=true"), "name its namespace in networkPolicy.clients"
    yield "no host", (*WITH_INGRESS, "addresses.portal=http://127.0.0.1:8000"), "an Ingress needs the name of a host"
    yield (
        "no TLS",
        (*WITH_INGRESS, "addresses.portal=https://portal.example"),
        "begin with https:// if ingress.tlsSecret",
    )
    yield "one host", (*WITH_INGRESS, "addresses.portal=http://payment.example:81"), "tells the APIs apart by host"


@pytest.mark.parametrize(("values", "message"), [pytest.param(*rest, id=name) for name, *rest in _refusals()])
def test_a_wrong_value_is_refused_with_a_sentence(values: tuple[str, ...], message: str, refuse: Refuse) -> None:
    assert message in refuse("minimal", *values)


def test_the_values_with_an_ingress_that_are_not_wrong_are_accepted(render: Render) -> None:
    assert of(render("minimal", *WITH_INGRESS), "Ingress")


def test_a_long_name_of_the_release_is_refused(helm: Callable[..., Any]) -> None:
    values = str(Path(__file__).parent / "values" / "minimal.yaml")
    done = helm("template", "x" * 41, str(CHART), "--values", values, "--kube-version", KUBERNETES[-1])
    assert done.returncode != 0 and "choose a shorter one" in done.stderr


@each_set
def test_what_helm_prints_after_an_installation_names_the_connections_and_the_ports(
    values: str, helm: Callable[..., Any]
) -> None:
    file = str(Path(__file__).parent / "values" / f"{values}.yaml")
    done = helm("install", RELEASE, str(CHART), "--values", file, "--dry-run=client")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("\nNOTES:\n")[2]
    pods = {"minimal": 8, "full": 45}[values]
    pool = {"minimal": 20, "full": 10}[values]
    assert f"{pods} pods open up to {pods * pool} connections" in notes
    forwarded = set(re.findall(rf"service/{RELEASE}-(\S+) \d+:\d+", notes))
    assert forwarded == ({name for name, role in ROLES_BY_NAME.items() if role.api} if values == "minimal" else set())
