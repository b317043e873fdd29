"""A configuration file: what it may say, and the one line for each way of saying it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy import config
from proxy.config import ConfigError

ENVIRON = {"A_KEY": "sk-a-very-secret-value", "EMPTY": ""}

CONTRACT = """
[server]
port = 3456
[auth]
admin_key = "env:A_KEY"
[[auth.key]]
name = "frontend"
key = "env:A_KEY"
requests_per_minute = 600
tokens_per_minute = 200000
budget_usd_per_month = 50.0
routes = ["chat", "auto"]
[[provider]]
name = "primary"
dialect = "openai"
base_url = "http://127.0.0.1:9001/v1"
key = "env:A_KEY"
[[route]]
name = "chat"
targets = ["primary/model-a", { target = "backup/model-b", weight = 2 }]
strategy = "ordered"
first_token_ms = "auto"
between_tokens_ms = 10000
answer_ms = 120000
on_stall = "hedge"
on_break = "continue"
hedge_budget = 0.05
cache = true
[[route]]
name = "gpt-*"
targets = ["openai/gpt-*", "backup/any"]
[[category]]
name = "legal"
description = "contracts and law"
examples = ["Is this clause enforceable?"]
keywords = ["contract", "liability"]
targets = ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]
[cache]
[embeddings]
device = "cuda:0"
[ledger]
currency = "CAD"
usd_rate = 1.37
[shared]
url = "redis://127.0.0.1:6379/0"
"""


def read(text: str, environ: dict[str, str] | None = None) -> config.Config:
    return config.parse(text, "f.toml", ENVIRON if environ is None else environ)


def errors(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    return caught.value.errors


def test_the_contract_is_read() -> None:
    found = read(CONTRACT)
    assert found.source == "f.toml"
    assert found.auth.keys[0].key is not None
    assert found.auth.keys[0].key.reveal() == ENVIRON["A_KEY"]
    chat = found.routes[0]
    assert (chat.first_token_ms, chat.between_tokens_ms, chat.hedge_budget) == ("auto", 1e4, 0.05)
    assert chat.targets[1].weight == 2  # type: ignore[union-attr]
    assert found.categories[0].keywords == ["contract", "liability"]
    assert found.ledger.usd_rate == 1.37


def test_an_empty_file_is_every_default() -> None:
    found = read("")
    assert (found.server.host, found.server.port, found.server.workers) == ("127.0.0.1", 3456, 1)
    assert (found.routing.hedge_budget, found.hedge_budget) == (0.05, 0.05)
    assert found.cache.enabled
    assert not (found.providers or found.routes)


def test_it_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read("").server.port = 1  # type: ignore[misc]


ROUTE = '[[route]]\nname = "chat"\ntargets = ["a/b"]\n'
AT_ROUTE = 'f.toml:{}: [[route]] 1 "chat": '
PROVIDER = '[[provider]]\nname = "p"\nbase_url = "http://h/v1"\n'
AT_PROVIDER = 'f.toml:{}: [[provider]] 1 "p": '
SECRET = 'write "env:NAME" or "file:PATH", never the value itself'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # unknown names
        ("[sever]\n", 'f.toml:1: [sever]: unknown table; did you mean "server"?'),
        ("\n[server]\nprot = 1\n", 'f.toml:3: [server]: prot: unknown key; did you mean "port"?'),
        (
            "[shared]\nzzz = 1\n",
            "f.toml:2: [shared]: zzz: unknown key (there are: url, prefix, deadline_ms)",
        ),
        (
            ROUTE + "first_token = 300\n",
            AT_ROUTE.format(4) + 'first_token: unknown key; did you mean "first_token_ms"?',
        ),
        (
            "source = 'x'\n",
            "f.toml:1: [source]: unknown table (there are: server, auth, provider, route, "
            "category, model, cache, embeddings, local, routing, ledger, traces, shared)",
        ),
        # types
        ('[server]\nport = "80"\n', 'f.toml:2: [server]: port: must be a whole number, not "80"'),
        ("[server]\nport = 80.5\n", "f.toml:2: [server]: port: must be a whole number, not 80.5"),
        ("[server]\nport = true\n", "f.toml:2: [server]: port: must be a whole number, not true"),
        ("[server]\nhost = 3\n", "f.toml:2: [server]: host: must be text in quotes, not 3"),
        (
            '[server]\nfast_lane = "yes"\n',
            'f.toml:2: [server]: fast_lane: must be true or false, not "yes"',
        ),
        (
            '[server]\ndrain_seconds = "30s"\n',
            'f.toml:2: [server]: drain_seconds: must be a number, not "30s"',
        ),
        (
            '[[category]]\nname = "c"\nkeywords = "law"\n',
            'f.toml:3: [[category]] 1 "c": keywords: must be a list, such as ["one", "two"], '
            'not "law"',
        ),
        ("server = 1\n", "f.toml:1: [server]: must be a table, not 1"),
        ("[route]\n", "f.toml:1: [route]: there can be several of these: write [[route]]"),
        ("[[cache]]\n", "f.toml:1: [cache]: there is only one of these: write [cache]"),
        # ranges
        ("[server]\nport = 99999\n", "f.toml:2: [server]: port: must be at most 65535, not 99999"),
        ("[server]\nworkers = 0\n", "f.toml:2: [server]: workers: must be at least 1, not 0"),
        (
            "[server]\nhead_seconds = 0\n",
            "f.toml:2: [server]: head_seconds: must be more than 0, not 0",
        ),
        (
            "[cache]\nsimilarity = nan\n",
            "f.toml:2: [cache]: similarity: must be a number, not nan",
        ),
        # choices
        (
            '[embeddings]\ndevice = "gpu7"\n',
            'f.toml:2: [embeddings]: device: must be "auto", "cpu" or one GPU, such as "cuda:0", '
            'not "gpu7"',
        ),
        (
            ROUTE + 'on_stall = "hegde"\n',
            AT_ROUTE.format(4) + 'on_stall: must be one of "hedge", "switch", not "hegde"; '
            'did you mean "hedge"?',
        ),
        (
            ROUTE + 'first_token_ms = "fast"\n',
            AT_ROUTE.format(4) + 'first_token_ms: must be "auto" or milliseconds from 1 to 3600000',
        ),
        (
            ROUTE + "between_tokens_ms = 0\n",
            AT_ROUTE.format(4)
            + 'between_tokens_ms: must be "auto" or milliseconds from 1 to 3600000',
        ),
        (
            PROVIDER + 'dialect = "opena"\n',
            AT_PROVIDER.format(4) + 'dialect: must be one of "openai", "responses", "anthropic", '
            '"gemini", "ollama", "cohere", "bedrock", not "opena"; did you mean "openai"?',
        ),
        # routes and targets
        ('[[route]]\ntargets = ["a/b"]\n', "f.toml:1: [[route]] 1: name: is missing"),
        ('[[route]]\nname = "chat"\n', AT_ROUTE.format(1) + "targets: is missing"),
        (
            '[[route]]\nname = "chat"\ntargets = []\n',
            AT_ROUTE.format(3) + "targets: needs at least one entry",
        ),
        (
            '[[route]]\nname = "chat"\ntargets = ["a/b",\n"c"]\n',
            AT_ROUTE.format(3)
            + 'targets 2: a target is "provider/model", such as "openai/gpt-4o-mini"',
        ),
        (
            '[[route]]\nname = "chat"\ntargets = [{target = "a/b", weigth = 2}]\n',
            AT_ROUTE.format(3) + 'targets 1.weigth: unknown key; did you mean "weight"?',
        ),
        (
            '[[route]]\nname = "chat"\ntargets = [{target = "a/b", weight = 0}]\n',
            AT_ROUTE.format(3) + "targets 1.weight: must be more than 0, not 0",
        ),
        (
            '[[route]]\nname = "*-*"\ntargets = ["a/b"]\n',
            'f.toml:2: [[route]] 1 "*-*": name: a route\'s name may hold one * only',
        ),
        (
            '[[route]]\nname = "chat"\ntargets = ["a/*"]\n',
            AT_ROUTE.format(1) + 'targets: "a/*" repeats a *, but the route\'s name has none',
        ),
        (ROUTE + ROUTE, 'f.toml:4: [[route]] 2 "chat": number 1 has this name already'),
        # providers
        (
            PROVIDER.replace("http:", "ftp:"),
            AT_PROVIDER.format(3) + 'base_url: must be like "https://api.example.com/v1", '
            "without a query",
        ),
        (
            PROVIDER.replace("//h", "//u:pw@h"),
            AT_PROVIDER.format(3)
            + 'base_url: must not hold a password: write it as key = "env:NAME"',
        ),
        (
            PROVIDER + 'headers = { Authorization = "Bearer abc" }\n',
            AT_PROVIDER.format(4)
            + 'headers: Authorization is a secret: write "env:NAME" or "file:PATH"',
        ),
        (
            PROVIDER + 'headers = { "a b" = "c" }\n',
            AT_PROVIDER.format(4) + "headers: a header's name has a character that HTTP forbids",
        ),
        (
            PROVIDER + 'key = "env:A_KEY"\nkeys = ["env:A_KEY"]\n',
            AT_PROVIDER.format(1) + "has both key and keys: write one of them",
        ),
        (
            PROVIDER + 'proxy = "https://h:1"\n',
            AT_PROVIDER.format(4)
            + "proxy: must be an http:// URL; TLS to the provider goes through it",
        ),
        (
            PROVIDER + "tls_verify = false\n",
            AT_PROVIDER.format(4) + "tls_verify: unknown key; certificates are always checked; "
            "a private one is trusted by ca_file",
        ),
        # secrets
        (
            PROVIDER + 'key = "sk-12345"\n',
            AT_PROVIDER.format(4) + f"key: must not be a secret in plain text: {SECRET}",
        ),
        (
            PROVIDER + "key = 12345\n",
            AT_PROVIDER.format(4) + f"key: must be text in quotes: {SECRET}",
        ),
        (
            PROVIDER + 'key = "env:NOPE"\n',
            AT_PROVIDER.format(4)
            + "key: the environment variable NOPE is not set, and not in .env either",
        ),
        (
            PROVIDER + 'key = "env:EMPTY"\n',
            AT_PROVIDER.format(4) + "key: the environment variable EMPTY is empty",
        ),
        (
            PROVIDER + 'key = "env:sk-1"\n',
            AT_PROVIDER.format(4)
            + 'key: must be "env:NAME", with the name of an environment variable',
        ),
        (
            PROVIDER + 'key = "file:/nowhere/key"\n',
            AT_PROVIDER.format(4)
            + "key: cannot read the file /nowhere/key: No such file or directory",
        ),
        (
            '[shared]\nurl = "redis://:pw@h"\n',
            "f.toml:2: [shared]: url: must not hold a password in plain text: "
            f"{SECRET} of the whole URL",
        ),
        # keys
        (
            '[[auth.key]]\nname = "a"\n',
            'f.toml:1: [[auth.key]] 1 "a": needs exactly one of key = "env:NAME" and '
            'key_sha256 = "..."',
        ),
        (
            '[[auth.key]]\nname = "a"\nkey_sha256 = "ABC"\n',
            'f.toml:3: [[auth.key]] 1 "a": key_sha256: must be 64 lower-case hexadecimal digits: '
            "printf %s KEY | sha256sum",
        ),
        (
            '[[auth.key]]\nname = "a b"\nkey = "env:A_KEY"\n',
            'f.toml:2: [[auth.key]] 1 "a b": name: a name is letters, digits and . _ - : @ only, '
            "100 at most",
        ),
        (
            ROUTE + '[[auth.key]]\nname = "a"\nkey = "env:A_KEY"\nroutes = ["auto", "caht"]\n',
            'f.toml:7: [[auth.key]] 1 "a": routes 2: there is no route "caht"; '
            'did you mean "chat"?',
        ),
        # the whole
        (
            '[server]\nhost = "0.0.0.0"\n',
            'f.toml:2: [server]: host: "0.0.0.0" is reachable from outside and there is no '
            "[[auth.key]]: add one, or serve strangers with anonymous = true",
        ),
        (
            '[routing]\nmode = "llm"\n',
            'f.toml:2: [routing]: mode: needs router_model, such as "ollama/qwen3:4b"',
        ),
        (
            '[ledger]\npath = "a"\nurl = "postgres://h/db"\n',
            "f.toml:1: [ledger]: has both path and url: write one of them",
        ),
        (
            "[server]\nport = 0x" + "f" * 5000,
            "f.toml:2: [server]: port: must be at most 65535",
        ),
        ("a = " + "9" * 5000, "f.toml: is not valid TOML: a number is too long"),
        ("a = " + "[" * 5000, "f.toml: is not valid TOML: nested too deeply"),
        ("a = [", "f.toml: is not valid TOML: invalid value (at end of document)"),
        ("[a]\nb = \n", "f.toml:2: is not valid TOML: invalid value"),
        ("a = 1\na = 2\n", "f.toml:2: is not valid TOML: cannot overwrite a value"),
    ],
)
def test_a_mistake_is_told_in_one_line(text: str, line: str) -> None:
    assert errors(text) == [line]


WORDS = st.sampled_from(
    ["[server]", "[[route]]", "[[provider]]", "[auth]", "[[auth.key]]", "[[server]]", "[route]",
     "[provider.headers]", "name", "port", "key", "headers", "models", "=", "=", "=", "1",
     "-1", "nan", '"env:A_KEY"', '"*"', '"a/b"', "[", "]", "{", "}", ",", "true", "\n", "\n", "\n",
     "0x" + "f" * 5000, "9" * 5000, '"a\\nb"', "1979-05-27", "[]", "{}", '"""', "'", "#", "\x00"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=80))
def test_whatever_a_file_holds_it_is_read_or_told_in_lines(text: str) -> None:
    try:
        found = read(text)
    except ConfigError as error:
        assert error.errors
        for line in error.errors:
            assert line.startswith("f.toml")
            assert line.isprintable()
            assert len(line) < 500
    else:
        assert found.source == "f.toml"


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    found = errors('[server]\nport = "x"\nhots = 1\n\n[cache]\nttl_seconds = 0\n\n[sever]\n')
    assert [one.split(":")[1] for one in found] == ["2", "3", "6", "8"]


def test_strangers_may_be_allowed_in_and_keys_open_any_host() -> None:
    assert read('[server]\nhost = "0.0.0.0"\nanonymous = true\n').server.anonymous
    key = '[[auth.key]]\nname = "a"\nkey = "env:A_KEY"\n'
    assert read(f'{key}[server]\nhost = "::"\n').server.host == "::"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_needs_no_key(host: str) -> None:
    assert read(f'[server]\nhost = "{host}"\n').server.host == host


def test_the_command_line_is_checked_alike() -> None:
    found = config.with_server(read("[server]\nport = 1\n"), {"port": 8080})
    assert (found.server.port, found.source) == (8080, "f.toml")
    with pytest.raises(ConfigError) as caught:
        config.with_server(found, {"port": 70_000})
    assert caught.value.errors == ["command line: [server]: port: must be at most 65535, not 70000"]
    with pytest.raises(ConfigError, match="reachable from outside"):
        config.with_server(found, {"host": "0.0.0.0"})


# ---- which file ---------------------------------------------------------------------------------


def test_the_file_is_looked_for_in_three_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(None, {}).source == "defaults"
    for name, port in (("firsttoken.toml", 1), ("b.toml", 2), ("c.toml", 3)):
        (tmp_path / name).write_text(f"[server]\nport = {port}\n")
    assert config.load(None, {}).server.port == 1
    assert config.load(None, {"FIRSTTOKEN_CONFIG": "b.toml"}).server.port == 2
    assert config.load("c.toml", {"FIRSTTOKEN_CONFIG": "b.toml"}).server.port == 3


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    for name, words in (
        ("no.toml", "there is no such file: create it, or leave --config out"),
        ("latin.toml", "is not UTF-8 text"),
        ("", "cannot be read: Is a directory"),
    ):
        path = str(tmp_path / name)
        with pytest.raises(ConfigError) as caught:
            config.load(path, {})
        assert caught.value.errors == [f"{path}: {words}"]


def test_a_secrets_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-beside\n")
    (tmp_path / "credentials").mkdir()
    path = tmp_path / "f.toml"
    path.write_text('[auth]\nadmin_key = "file:key"\n')
    admin = config.load(str(path), {}).auth.admin_key
    assert admin is not None
    assert admin.reveal() == "from-beside"
    (tmp_path / "credentials" / "key").write_text("from-systemd")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    admin = config.load(str(path), environ).auth.admin_key
    assert admin is not None
    assert admin.reveal() == "from-systemd"


def test_the_predecessors_variables_choose_the_mode() -> None:
    environ = {"ROUTING_MODE": "ollama", "OLLAMA_ROUTER_MODEL": "qwen3:4b"}
    found = read("", environ)
    assert (found.routing.mode, found.routing.router_model) == ("llm", "ollama/qwen3:4b")
    assert read('[routing]\nmode = "keywords"\n', environ).routing.mode == "keywords"
    (magic,) = errors("", {"ROUTING_MODE": "magic"})
    assert magic.startswith("ROUTING_MODE in the environment: [routing]: mode: must be")
    assert magic.endswith('not "magic"')
    (alone,) = errors("", {"ROUTING_MODE": "hybrid"})
    assert alone.startswith("ROUTING_MODE in the environment: [routing]: mode: needs router_model")
    assert "ROUTING_MODE" not in errors('[routing]\nmode = "magic"\n', {"ROUTING_MODE": "x"})[0]


# ---- secrets stay secret ------------------------------------------------------------------------

SECRETS = st.text(st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=8)


@settings(max_examples=60)
@given(SECRETS)
def test_no_secret_is_in_a_dump(value: str) -> None:
    value = f"sk{value}"
    text = CONTRACT + "[[provider]]\nname = 'q'\nproxy = 'env:P'\n"
    text += "headers = {X-Key = 'env:A_KEY'}\n"
    found = read(text, {"A_KEY": value, "P": f"http://u:{value}@h"})
    assert found.providers[1].proxy is not None
    for shown in (repr(found), str(found), str(found.redacted()), found.model_dump_json()):
        assert value not in shown


@settings(max_examples=60)
@given(SECRETS, st.sampled_from(["admin_key", "admin_kee"]))
def test_no_literal_secret_is_in_an_error(value: str, key: str) -> None:
    value = "sk-live-literally-" + value.replace("'", "")
    texts = (
        f"[auth]\n{key} = '{value}'\n",
        f"{PROVIDER}headers = {{X-Token = '{value}'}}\n",
        f"{PROVIDER}dialect = '{value}'\n",
        f"[shared]\nurl = 'redis://:{value}@h'\n",
    )
    for text in texts:
        with pytest.raises(ConfigError) as caught:
            read(text)
        error: BaseException | None = caught.value
        while error is not None:
            assert value not in f"{error} {error!r}"
            error = error.__cause__ or error.__context__


def test_redacted_shows_everything_else() -> None:
    shown = read(CONTRACT).redacted()
    assert shown["source"] == "f.toml"
    assert shown["auth"]["admin_key"] == shown["auth"]["key"][0]["key"] == "(set)"
    assert shown["provider"][0]["base_url"] == "http://127.0.0.1:9001/v1"
    assert shown["route"][0]["name"] == "chat"
