"""The site's file: the older gateway's loads unchanged, and a wrong one is told all that is wrong with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.config import ConfigurationInvalid, Problem, Settings, load, parse

DATA = Path(__file__).parents[1] / "data"
KEYS = st.sampled_from(
    ["accesstype", "local", "ssh", "host", "imageDir", "url", "kind", "uid", "sha256", "squashfs"]
)
TOKEN = {"sha256": "0" * 64, "user": "ci", "uid": 1000, "gid": 1000}


def document(**changes: Any) -> dict[str, Any]:
    """A small right file, with keys changed; None takes a key away."""
    base: dict[str, Any] = {
        "CacheDirectory": "/images/cache",
        "Locations": {"": {}},
        "Platforms": {"one": {"accesstype": "local", "local": {"imageDir": "/images"}}},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def platform(**changes: Any) -> dict[str, Any]:
    return {"one": {"accesstype": "local", "local": {"imageDir": "/images"}, **changes}}


def read(raw: dict[str, Any], **environ: str) -> Settings:
    return parse(raw, environ, source="the file")


def errors_of(raw: dict[str, Any], **environ: str) -> dict[str, tuple[str, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        read(raw, **environ)
    assert all(str(problem) in refused.value.sentence for problem in refused.value.errors)
    return {problem.path: (problem.expected, problem.found) for problem in refused.value.errors}


# --- the older gateway's files ------------------------------------------------------------------------------


def test_the_local_sample_loads_unchanged() -> None:
    settings = load(DATA / "local.json", {})
    assert settings.warnings == ()
    assert settings.image_expiration_timeout == timedelta(days=90)
    assert settings.pull_update_timeout == timedelta(seconds=300)
    cluster = settings.platforms["mycluster"]
    assert cluster.access_type == "local"
    assert cluster.admins == ("root",)
    assert cluster.local is not None
    assert cluster.local.image_dir == Path("/images")
    assert cluster.munge_socket == Path("/var/run/munge/munge.socket.2")


def test_the_remote_sample_loads_unchanged() -> None:
    settings = load(DATA / "remote.json", {})
    assert settings.warnings == ()
    cluster = settings.platforms["mycluster"]
    assert cluster.access_type == "remote"
    assert cluster.hosts == ("mycluster01",)
    assert cluster.ssh is not None
    assert cluster.ssh.username == "shifter"
    assert cluster.ssh.key == Path("/home/shifter/.ssh/ssh.key")


def test_the_samples_are_complete_by_defaults() -> None:
    settings = load(DATA / "local.json", {})
    assert (settings.listen.host, settings.listen.port, settings.workers) == ("127.0.0.1", 5000, 2)
    assert (settings.live_pulls, settings.live_pulls_per_user, settings.fetches_per_registry) == (512, 16, 8)
    assert (settings.slots.resolve, settings.slots.fetch) == (16, 16)
    assert (settings.slots.convert, settings.slots.convert_large, settings.slots.deliver) == (1, 1, 2)
    assert settings.large_image_bytes == 4 * 2**30
    assert settings.pull_deadline == timedelta(hours=24)
    assert settings.stall_timeout == timedelta(minutes=10)
    assert settings.removal_delay == timedelta(days=1)
    assert settings.artifact_keep == timedelta(days=7)
    assert settings.database == "imagegw"
    assert settings.mongodb_uri is None
    assert settings.amqp_url is None


def test_every_key_of_older_files_is_understood() -> None:
    settings = read(
        document(
            MongoDBURI="mongodb://db1:27017,db2:27017/?replicaSet=rs0",
            MongoDB="Shifter",
            WorkerThreads="8",
            LogLevel="DEBUG",
            Metrics=False,
            Authentication="munge",
            ImportUsers=["alice"],
            ConverterOptions={"squashfs": "-comp gzip -b 1M"},
            examiner="/opt/site/examine",
            PullUpdateTime=60,
            DefaultImageFormat="squashfs",
            ExpandDirectory="/images/expand",
            DefaultLustreReplication=1,
            DefaultOstCount=16,
            DefaultImageRemote="x",
            Broker="redis://x",
            Locations={"registry.site.example:5000": {
                "remotetype": "dockerv2", "authentication": "http", "url": "http://registry.site.example:5000/",
                "sslcacert": "/etc/ca.pem", "authMethod": "basic",
            }},
            DefaultImageLocation="registry.site.example:5000",
            Platforms={"two": {
                "accesstype": "remote", "admins": "root", "host": ["a", "b"], "mungeSocketPath": "/run/m",
                "usergroupService": "x", "mountCommand": "y", "use_external": True,
                "policy_file": "/etc/p.json",
                "ssh": {"username": "s", "imageDir": "/i", "sshCmdOptions": ["-p", "22"],
                        "scpCmdOptions": "-q"},
            }},
        )
    )  # fmt: skip
    assert settings.log_level == "debug"
    assert settings.authentication == ("munge",)
    assert settings.import_users == ("alice",)
    assert settings.converter_options == {"squashfs": ("-comp", "gzip", "-b", "1M")}
    assert settings.pull_update_timeout == timedelta(minutes=1)
    assert settings.older_database == "Shifter"
    assert settings.locations["registry.site.example:5000"].url == "http://registry.site.example:5000"
    assert settings.platforms["two"].admins == ("root",)
    assert settings.platforms["two"].ssh is not None
    assert settings.platforms["two"].ssh.key is None
    assert settings.platforms["two"].ssh.ssh_options == ("-p", "22")


@pytest.mark.parametrize(
    ("written", "meant"),
    [(None, ()), ("none", ()), ([], ()), ("all", "all"), (["alice", "bob"], ("alice", "bob"))],
)
def test_who_may_import(written: object, meant: object) -> None:
    assert read(document(ImportUsers=written)).import_users == meant


def test_the_new_name_goes_before_the_old_one() -> None:
    settings = read(document(PullUpdateTime=60, PullUpdateTimeout=120))
    assert settings.pull_update_timeout == timedelta(minutes=2)
    assert any("PullUpdateTime:" in sentence for sentence in settings.warnings)


# --- warnings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (document(Platforms=platform(policy_file="/etc/p.json")), "SIGNATURES ARE NOT ENFORCED"),
        (document(Platforms=platform(use_external=True)), "use_external"),
        (document(Platforms=platform(anonymous=["lookup"])), "anonymous"),
        (document(ImageExpirationTimeout="6d"), "under seven days"),
        (document(WorkerThreads=4), "Slots"),
        (document(PullUpdateTime=60), "old name"),
        (document(Tokens=[TOKEN], Authentication="munge"), "none of them is accepted"),
        (document(Locations={"": {"insecure": True}}), "certificate"),
        (document(StallTimeout="1d"), "StallTimeout"),
    ],
)
def test_what_is_legal_but_should_be_known_is_warned_of(raw: dict[str, Any], word: str) -> None:
    warnings = read(raw).warnings
    assert len(warnings) == 1
    assert word in warnings[0]


def test_seven_days_are_enough() -> None:
    assert read(document(ImageExpirationTimeout="7:00:00:00")).warnings == ()


# --- errors -------------------------------------------------------------------------------------------------


def test_all_errors_are_reported_at_once() -> None:
    errors = errors_of(
        {
            "PullUpdateTimout": 300,
            "ImageExpirationTimeout": "ninety days",
            "Workers": "two",
            "DefaultImageLocation": "quay.io",
            "Locations": {"": {"remotetype": "shifter"}, "our registry": {}},
            "Platforms": {"local": {"accesstype": "remote", "admin": ["root"]}, "a b": {}},
        }
    )
    assert errors == {
        "PullUpdateTimout": ('the key "PullUpdateTimeout"', '"PullUpdateTimout"'),
        "ImageExpirationTimeout": ("a duration: seconds, d:h:m:s, or as 1d12h", '"ninety days"'),
        "Workers": ("a whole number", '"two"'),
        "DefaultImageLocation": ('the name of one of Locations ("", "our registry")', '"quay.io"'),
        'Locations[""].remotetype': ('"dockerv2"', '"shifter"'),
        'Locations["our registry"].url': ("a URL, since the location's name is no host name", "nothing"),
        "Platforms": ("a name of letters, digits, dot, dash and underscore (at most 63)", '"a b"'),
        'Platforms["a b"].accesstype': ("a value", "nothing"),
        "Platforms.local.admin": ('the key "admins"', '"admin"'),
        "Platforms.local.host": ("a value, since accesstype is remote", "nothing"),
        "Platforms.local.ssh": ("a value, since accesstype is remote", "nothing"),
        "CacheDirectory": ("an absolute path, for the store", "nothing"),
    }


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("Workers", 0, "Workers"),
        ("Workers", True, "Workers"),
        ("Workers", 2.5, "Workers"),
        ("LivePulls", None, "LivePulls"),
        ("LogLevel", "loud", "LogLevel"),
        ("LogLevel", 3, "LogLevel"),
        ("Metrics", "yes", "Metrics"),
        ("Authentication", "mock", "Authentication[0]"),
        ("Authentication", {}, "Authentication"),
        ("Listen", "127.0.0.1:5000", "Listen"),
        ("Listen", {"port": 65536}, "Listen.port"),
        ("Listen", {"host": "a b"}, "Listen.host"),
        ("StallTimeout", 0, "StallTimeout"),
        ("StallTimeout", -1, "StallTimeout"),
        ("LargeImageBytes", "4G", "LargeImageBytes"),
        ("CacheDirectory", "images/cache", "CacheDirectory"),
        ("CacheDirectory", 5, "CacheDirectory"),
        ("DefaultImageFormat", "ext4", "DefaultImageFormat"),
        ("ConverterOptions", "-comp gzip", "ConverterOptions"),
        ("ConverterOptions", {"squashfs": 'a "b'}, "ConverterOptions.squashfs"),
        ("ConverterOptions", {"ext4": "-x"}, "ConverterOptions"),
        ("Conversion", {"blockBytes": "100KiB"}, "Conversion.blockBytes"),
        ("Conversion", {"level": 40}, "Conversion.level"),
        ("ImportUsers", "alice", "ImportUsers"),
        ("ImportUsers", [""], "ImportUsers"),
        ("Platforms", {}, "Platforms"),
        ("Platforms", [], "Platforms"),
        ("Platforms", platform(accesstype="nfs"), "Platforms.one.accesstype"),
        ("Platforms", platform(local=None), "Platforms.one.local"),
        ("Platforms", platform(local={}), "Platforms.one.local.imageDir"),
        ("Platforms", platform(admins=[1]), "Platforms.one.admins[0]"),
        ("Platforms", platform(admins=5), "Platforms.one.admins"),
        ("Platforms", platform(anonymous=["pull"]), "Platforms.one.anonymous[0]"),
        ("Platforms", platform(architecture="x86 64"), "Platforms.one.architecture"),
        ("Locations", {"": {"url": "ftp://x"}}, 'Locations[""].url'),
        ("Locations", {"": {"url": "https://me:secret@x"}}, 'Locations[""].url'),
        ("Locations", {"": {"mirrors": "https://x"}}, 'Locations[""].mirrors'),
        ("Locations", {"": {"mirrors": ["x"]}}, 'Locations[""].mirrors[0]'),
        ("Locations", {"": {"authMethod": "ntlm"}}, 'Locations[""].authMethod'),
        ("Locations", {"x": {"clientCertificate": {"key": "/a"}}},
         "Locations.x.clientCertificate.certificate"),
        ("Store", {"kind": "registry"}, "Store.url"),
        ("Store", {"kind": "s3"}, "Store.kind"),
        ("Tokens", TOKEN, "Tokens"),
        ("Tokens", [{**TOKEN, "uid": -1}], "Tokens[0].uid"),
        ("Tokens", [{**TOKEN, "uid": 2**32 - 1}], "Tokens[0].uid"),
        ("Tokens", [{**TOKEN, "sha256": "A" * 64}], "Tokens[0].sha256"),
        ("Tokens", [TOKEN, TOKEN], "Tokens"),
        ("Database", "", "Database"),
        ("MongoDB", "imagegw", "Database"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_reported_where_it_stands(key: str, value: object, path: str) -> None:
    assert path in errors_of({**document(), key: value})


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("pullupdatetimeout", "PullUpdateTimeout"),
        ("Location", "Locations"),
        ("Examiner", "examiner"),
        ("zzz", None),
    ],
)
def test_a_misspelt_key_is_an_error_with_the_nearest_name(key: str, nearest: str | None) -> None:
    expected = "a known key" if nearest is None else f'the key "{nearest}"'
    assert errors_of(document(**{key: 1})) == {key: (expected, f'"{key}"')}


def test_a_wrong_value_is_shown_as_it_was_written() -> None:
    assert errors_of(document(LogLevel="LOUD"))["LogLevel"][1] == '"LOUD"'


@given(
    key=st.sampled_from([str(field.alias) for field in Settings.model_fields.values()]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5) | KEYS, inner, max_size=3),
        max_leaves=6,
    ),
)
def test_any_json_is_read_or_refused(key: str, value: object) -> None:
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] | None = None
    try:
        warnings = read({**document(), key: value}).warnings
    except ConfigurationInvalid as error:
        problems = error.errors
    assert (warnings is None) == bool(problems)


def test_a_platform_named_like_a_key_does_not_confuse_the_path() -> None:
    local = {"imagedir": "/i", "imageDir": "/i"}
    errors = errors_of(document(Platforms={"ssh": {"accesstype": "local", "local": local}}))
    assert errors == {"Platforms.ssh.local.imagedir": ('the key "imageDir"', '"imagedir"')}


@pytest.mark.parametrize(
    "raw",
    [
        document(MongoDBURI="postgres://me:s3cret@db/x"),
        document(AmqpURL="http://me:s3cret@mq"),
        document(AmqpURL="me:s3cret"),
        document(Locations={"": {"proxy": "gopher://me:s3cret@proxy"}}),
        document(Locations={"": {"url": "https://me:s3cret@registry"}}),
        document(Locations={"": {"pasword": "s3cret"}}),
        document(MongoDBURI=["s3cret"]),
        document(Tokens=[{"token": "s3cret"}]),
    ],
)
def test_no_secret_stands_in_an_error(raw: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        read(raw)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(refused.value.errors)


def test_no_secret_is_shown_by_the_object() -> None:
    settings = read(
        document(
            MongoDBURI="mongodb://me:s3cret@db",
            AmqpURL="amqps://me:s3cret@mq/%2F",
            Locations={"": {"proxy": "http://me:s3cret@proxy:3128"}},
        )
    )
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()
    assert settings.mongodb_uri is not None
    assert settings.mongodb_uri.get_secret_value() == "mongodb://me:s3cret@db"


def test_the_object_is_frozen() -> None:
    settings = read(document())
    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 3  # type: ignore[misc]
