"""Providers and models as rows: every row, every old name, and what a configuration makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest

from proxy import catalog, config
from proxy.catalog import Catalog, Provider
from proxy.chat import Usage
from proxy.config import Config, ConfigError
from proxy.config_values import AuthStyle, Capability

FIFTEEN = {  # predecessor A's names, tiers and variables
    "claude": (1, "ANTHROPIC_API_KEY"),
    "openai": (1, "OPENAI_API_KEY"),
    "mistral": (1, "MISTRAL_API_KEY"),
    "gemini": (1, "GOOGLE_API_KEY"),
    "qwen": (2, "QWEN_API_KEY"),
    "deepseek": (2, "DEEPSEEK_API_KEY"),
    "kimi": (2, "KIMI_API_KEY"),
    "glm": (2, "GLM_API_KEY"),
    "groq": (3, "GROQ_API_KEY"),
    "grok": (3, "GROK_API_KEY"),
    "perplexity": (3, "PERPLEXITY_API_KEY"),
    "openrouter": (3, "OPENROUTER_API_KEY"),
    "huggingface": (4, "HUGGINGFACE_API_KEY"),
    "github": (4, "GITHUB_TOKEN"),
    "copilot": (4, "AZURE_OPENAI_API_KEY"),
}
VENDORS = {
    "DASHSCOPE_API_KEY": "qwen",
    "MOONSHOT_API_KEY": "kimi",
    "ZAI_API_KEY": "glm",
    "XAI_API_KEY": "grok",
    "HF_TOKEN": "huggingface",
    "GEMINI_API_KEY": "gemini",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock",
    "TOGETHER_API_KEY": "together",
    "FIREWORKS_API_KEY": "fireworks",
    "CEREBRAS_API_KEY": "cerebras",
    "COHERE_API_KEY": "cohere",
}
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://unit.openai.azure.com/"}
EVERYTHING = {
    **{variable: "k" for _, variable in FIFTEEN.values()},
    **dict.fromkeys(VENDORS, "k"),
    **AZURE,
    "OLLAMA_BASE_URL": "http://127.0.0.1:11434",
    "VERTEX_ACCESS_TOKEN": "t",
    "GOOGLE_CLOUD_PROJECT": "p",
    "VLLM_BASE_URL": "http://10.0.0.1:8000/v1",
    "LLAMACPP_BASE_URL": "http://10.0.0.2:8080/v1",
    "ZHIPU_API_KEY": "k",
    "OLLAMA_API_KEY": "k",
}


def read(text: str = "", environ: dict[str, str] | None = None) -> Config:
    return config.parse(text, "f.toml", environ or {})


def found_in(environ: dict[str, str], text: str = "") -> dict[str, Provider]:
    return catalog.providers(read(text, environ), environ)


def book(environ: dict[str, str], text: str = "") -> Catalog:
    return Catalog(read(text, environ), found_in(environ, text))


# ---- rows ---------------------------------------------------------------------------------------

KEYS = {"name", "aliases", "tier", "dialect", "base_url", "base_urls", "defaults", "region", "auth",
        "env", "switch", "quirks", "capabilities", "max_context_tokens", "default_model", "models",
        "catalogue", "short", "credentials"}  # fmt: skip


@pytest.mark.parametrize("name", list(catalog.rows()))
def test_a_row_holds_what_it_may(name: str) -> None:
    row = catalog.rows()[name]
    assert set(row) <= KEYS
    assert row["dialect"] in catalog.DIALECTS
    assert set(row.get("base_urls", {})) <= set(catalog.DIALECTS)
    assert row.get("auth", "bearer") in get_args(AuthStyle)
    assert set(row.get("quirks", ())) <= set(catalog.QUIRKS)
    assert set(row["capabilities"]) <= set(get_args(Capability))
    assert row["tier"] in range(5)
    assert row["max_context_tokens"] >= 8192
    assert all(pattern.count("*") <= 1 for pattern in row.get("models", ()))


def test_every_row_becomes_a_provider() -> None:
    found = found_in(EVERYTHING)
    assert set(found) == {*catalog.rows(), "local"}
    for one in found.values():
        assert one.host
        assert one.tls or one.name in ("local", "ollama", "vllm", "llamacpp")
        assert "{" not in one.host + one.path


def test_no_name_is_taken_twice() -> None:
    names = [
        *catalog.rows(),
        *(a for row in catalog.rows().values() for a in row.get("aliases", ())),
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", list(FIFTEEN))
def test_the_fifteen_are_there_under_their_old_names(name: str) -> None:
    tier, variable = FIFTEEN[name]
    row = catalog.row_of(name)
    assert row["tier"] == tier
    assert set(found_in({variable: "k", **AZURE})) == {row["name"], "local"}
    target = book({variable: "k", **AZURE}).resolve(f"{name}/any-model")
    assert target == f"{row['name']}/any-model"


@pytest.mark.parametrize(("variable", "name"), VENDORS.items())
def test_the_vendors_own_variables_count_too(variable: str, name: str) -> None:
    assert set(found_in({variable: "k"})) == {name, "local"}


# ---- what a configuration makes of it -----------------------------------------------------------


def test_the_embedded_model_and_the_environment_can_be_left_out() -> None:
    text = "[local]\nenabled = false\n[routing]\nfrom_environment = false\n"
    assert found_in(EVERYTHING, text) == {}


def test_a_known_name_needs_only_its_key() -> None:
    one = found_in({"K": "secret"}, '[[provider]]\nname = "claude"\nkey = "env:K"\n')["claude"]
    assert (one.dialect, one.host, one.port, one.tls) == (
        "anthropic", "api.anthropic.com", 443, True)  # fmt: skip
    assert (one.path, one.auth) == ("/v1", "x-api-key")
    assert one.key is not None
    assert one.key.reveal() == "secret"
    assert "secret" not in repr(one)


def test_a_declared_provider_is_not_there_a_second_time() -> None:
    environ = {"ANTHROPIC_API_KEY": "k"}
    found = found_in(environ, '[[provider]]\nname = "claude"\n')
    assert set(found) == {"claude", "local"}
    assert Catalog(read(), found).resolve("anthropic/x") == "claude/x"


def test_a_provider_of_ones_own() -> None:
    text = """
[[provider]]
name = "primary"
base_url = "http://[::1]:9001/v1/"
keys = ["env:A", "env:B"]
headers = { X-Org = "o", X-Token = "env:A" }
quirks = ["no_user"]
models = ["mine-*"]
proxy = "env:P"
"""
    environ = {"A": "aaaaaaaa", "B": "bbbbbbbb", "P": "http://u:pw@proxy:3128"}
    one = found_in(environ, text)["primary"]
    assert (one.dialect, one.host, one.port, one.tls, one.path) == (
        "openai", "::1", 9001, False, "/v1")  # fmt: skip
    assert [key.reveal() for key in one.keys] == ["aaaaaaaa", "bbbbbbbb"]
    assert one.headers == {"X-Org": "o", "X-Token": "aaaaaaaa"}
    assert one.quirks == {"no_user"}
    assert one.proxy == environ["P"]
    assert not [value for value in environ.values() if value in repr(one)]
    assert book(environ, text).resolve("mine-1") == "primary/mine-1"


@pytest.mark.parametrize(
    ("environ", "host", "path"),
    [
        ({"AZURE_OPENAI_API_KEY": "k", **AZURE}, "unit.openai.azure.com", "/openai/v1"),
        (
            {"VERTEX_ACCESS_TOKEN": "t", "GOOGLE_CLOUD_PROJECT": "p",
             "GOOGLE_CLOUD_LOCATION": "europe-west1"},
            "europe-west1-aiplatform.googleapis.com",
            "/v1beta1/projects/p/locations/europe-west1/publishers/google",
        ),
        ({"AWS_BEARER_TOKEN_BEDROCK": "k"}, "bedrock-runtime.us-east-1.amazonaws.com", ""),
        ({"OLLAMA_BASE_URL": "http://gpu:11434/v1/"}, "gpu", "/v1"),
        ({"OLLAMA_BASE_URL": "http://gpu:11434"}, "gpu", "/v1"),
    ],
)  # fmt: skip
def test_base_urls_are_filled_from_the_environment(
    environ: dict[str, str], host: str, path: str
) -> None:
    one = next(iter(found_in(environ).values()))
    assert (one.host, one.path) == (host, path)


@pytest.mark.parametrize(
    ("base", "fields", "path", "version"),
    [
        ("{}", 'api_version = "preview"', "/openai/v1", "preview"),
        ("{}", 'api_version = "2024-10-21"', "/openai", "2024-10-21"),
        ("{}", 'quirks = ["deployment_path"]', "/openai", "2024-10-21"),
        ("https://u.openai.azure.com", 'api_version = "2025-04-01-preview"', "/openai",
         "2025-04-01-preview"),
        ("https://u.openai.azure.com/openai", 'api_version = "2024-10-21"', "/openai",
         "2024-10-21"),
        ("https://u.services.ai.azure.com/models", 'api_version = "2024-05-01-preview"', "/models",
         "2024-05-01-preview"),
    ],
)  # fmt: skip
def test_azure_has_two_interfaces(base: str, fields: str, path: str, version: str) -> None:
    where = "" if base == "{}" else f'base_url = "{base}"\n'
    text = f'[[provider]]\nname = "azure"\nkey = "env:K"\n{where}{fields}\n'
    one = found_in({"K": "secret-key", **AZURE}, text)["azure"]
    assert (one.path, one.api_version) == (path, version)
    assert ("deployment_path" in one.quirks) is (path == "/openai")


def test_azures_version_may_be_in_the_environment() -> None:
    environ = {"AZURE_OPENAI_API_KEY": "k", **AZURE, "OPENAI_API_VERSION": "2024-06-01"}
    one = found_in(environ)["azure"]
    assert (one.path, one.api_version) == ("/openai", "2024-06-01")
    assert "deployment_path" in one.quirks


def test_vertex_serves_claude_and_has_a_place_without_a_region() -> None:
    environ = {"K": "secret-key", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}
    text = '[[provider]]\nname = "vertex"\ndialect = "anthropic"\nkey = "env:K"\n'
    one = found_in(environ, text)["vertex"]
    assert one.host == "aiplatform.googleapis.com"
    assert one.path == "/v1/projects/p/locations/global/publishers/anthropic"
    assert "raw_predict" in one.quirks


def test_half_an_azure_is_not_enabled() -> None:
    assert set(found_in({"AZURE_OPENAI_API_KEY": "k"})) == {"local"}


def test_bedrock_signs_where_it_has_no_bearer_key() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "sk-secret",
               "AWS_SESSION_TOKEN": "session-token", "AWS_REGION": "eu-west-3"}  # fmt: skip
    one = found_in(environ)["bedrock"]
    assert (one.auth, one.access_key, one.region) == ("sigv4", "AK", "eu-west-3")
    assert one.key is not None
    assert one.session is not None
    assert (one.key.reveal(), one.session.reveal()) == ("sk-secret", "session-token")
    assert "secret" not in repr(one)
    assert found_in({**environ, "AWS_BEARER_TOKEN_BEDROCK": "b"})["bedrock"].auth == "bearer"
    text = '[[provider]]\nname = "bedrock"\nregion = "us-west-2"\n'
    assert found_in(environ, text)["bedrock"].host == "bedrock-runtime.us-west-2.amazonaws.com"
    del environ["AWS_REGION"]
    assert found_in({**environ, "AWS_DEFAULT_REGION": "eu-west-1"})["bedrock"].region == "eu-west-1"
    text = ('[[provider]]\nname = "paris"\ndialect = "bedrock"\n'
            'base_url = "https://bedrock-runtime.eu-west-3.amazonaws.com"\n')  # fmt: skip
    paris = found_in(environ, text)["paris"]
    assert (paris.auth, paris.region) == ("sigv4", "eu-west-3")


def test_another_dialect_of_a_known_provider_has_its_own_url() -> None:
    environ = {"GEMINI_API_KEY": "k"}
    text = '[[provider]]\nname = "gemini"\ndialect = "openai"\nauth = "bearer"\n'
    one = found_in(environ, text)["gemini"]
    assert (one.path, one.auth) == ("/v1beta/openai", "bearer")
    ollama = found_in({}, '[[provider]]\nname = "ollama"\ndialect = "ollama"\n')["ollama"]
    assert (ollama.host, ollama.port, ollama.path) == ("127.0.0.1", 11434, "")
    text = '[[provider]]\nname = "ollama"\nbase_url = "http://10.0.0.5:11434"\n'
    assert found_in({}, text)["ollama"].path == "/v1"  # as Ollama's own clients write it
    assert found_in({}, text + 'dialect = "ollama"\n')["ollama"].path == ""


@pytest.mark.parametrize(
    ("text", "environ", "line"),
    [
        (
            '[[provider]]\nname = "primary"\n', {},
            'f.toml:1: [[provider]] 1 "primary": needs base_url: '
            "the name is not a known provider's",
        ),
        (
            '[[provider]]\nname = "mistrall"\n', {},
            'f.toml:1: [[provider]] 1 "mistrall": needs base_url: '
            'the name is not a known provider\'s; did you mean "mistral"?',
        ),
        (
            '[[provider]]\nname = "azure"\n', {},
            'f.toml:1: [[provider]] 1 "azure": needs base_url, or AZURE_OPENAI_ENDPOINT in the '
            "environment",
        ),
        (
            '[[provider]]\nname = "openai"\nquirks = ["no_usr"]\n', {"OPENAI_API_KEY": "k"},
            'f.toml:1: [[provider]] 1 "openai": quirks: unknown "no_usr"; did you mean "no_user"?',
        ),
        (
            '[[provider]]\nname = "p"\nbase_url = "http://h:99999/v1"\n', {},
            'f.toml:1: [[provider]] 1 "p": base_url: the port must be a number up to 65535',
        ),
        (
            '[[provider]]\nname = "openai"\n', {},
            'f.toml:1: [[provider]] 1 "openai": needs a key: set OPENAI_API_KEY, or write '
            'key = "env:NAME"',
        ),
        (
            "", {"OPENAI_API_KEY": "a\nb"},
            "openai: the environment variable OPENAI_API_KEY holds characters that no key has "
            "(a line break?)",
        ),
        (
            "", {"OLLAMA_BASE_URL": "gpu:11434"},
            "ollama: its base URL in the environment must be http:// or https:// and a host",
        ),
        (
            '[[route]]\nname = "a"\ntargets = ["local/x", "openai/x"]\n', {},
            'f.toml:3: [[route]] 1 "a": targets 2: no provider "openai": set OPENAI_API_KEY, or '
            "declare it with [[provider]]",
        ),
        (
            '[[route]]\nname = "a"\ntargets = ["opneai/x"]\n', {},
            'f.toml:3: [[route]] 1 "a": targets 1: no provider "opneai" (there are: local); did '
            'you mean "openai"?',
        ),
        (
            '[[category]]\nname = "c"\ntargets = ["copilot/x"]\n', {},
            'f.toml:3: [[category]] 1 "c": targets 1: no provider "copilot": set '
            "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT, or declare it with [[provider]]",
        ),
        (
            '[routing]\nmode = "llm"\nrouter_model = "ollama/q"\n', {},
            'f.toml:3: [routing]: router_model: no provider "ollama": set OLLAMA_BASE_URL, or '
            "declare it with [[provider]]",
        ),
    ],
)  # fmt: skip
def test_what_only_the_rows_can_tell(text: str, environ: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        catalog.describe(read(text, environ), environ)
    assert caught.value.errors == [line]


def test_a_good_configuration_is_described() -> None:
    environ = {"OPENAI_API_KEY": "sk-secret"}
    text = ('[[route]]\nname = "chat"\ntargets = ["openai/gpt-4o", "local/x"]\n'
            '[[category]]\nname = "legal"\nexamples = ["a", "b"]\n')  # fmt: skip
    assert catalog.describe(read(text, environ), environ) == [
        "f.toml: ok",
        "listens on 127.0.0.1:3456",
        "serves anybody on loopback",
        "provider openai       openai     key set  api.openai.com:443/v1",
        "provider local        openai     no key   starts when needed",
        "route    chat         ordered    openai/gpt-4o -> local/x",
        "category legal        2 examples the default chain",
    ]


# ---- names --------------------------------------------------------------------------------------

OLD = {
    "qwen/turbo": "qwen/qwen-turbo",
    "glm/4-air": "glm/glm-4.5-air",
    "claude/sonnet": "anthropic/claude-sonnet-5-5",
    "claude/opus": "anthropic/claude-opus-5-5",
    "claude/haiku": "anthropic/claude-haiku-5-5",
    "deepseek/coder": "deepseek/deepseek-v4-pro",
    "kimi/128k": "kimi/kimi-k2.6",
    "gemini/gemini-1.5-flash": "gemini/gemini-3.8-flash",
    "copilot/gpt-4": "azure/gpt-4",
}


@pytest.mark.parametrize(("old", "today"), OLD.items())
def test_old_names_mean_todays_models(old: str, today: str) -> None:
    assert book(EVERYTHING).resolve(old) == today


def test_every_old_name_means_a_model_that_is_described() -> None:
    names = book(EVERYTHING)
    undescribed = {"huggingface", "github"}  # their prices depend on who serves
    for old, today in names.aliases.items():
        assert names.resolve(old) == today
        owner = today.partition("/")[0]
        if owner not in undescribed | {"local"} and today != "openrouter/openrouter/auto":
            assert names.models.get(today) is not None, (old, today)


def test_every_default_model_is_described() -> None:
    names = book(EVERYTHING)
    for name, row in catalog.rows().items():
        if name not in ("huggingface", "github", "openrouter") and "default_model" in row:
            target = f"{name}/{row['default_model']}"
            assert names.models.get(target) is not None, target
            assert names.prices(target).at(NOW) is not None, target


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5-20250929"),
        ("llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        ("openrouter/anthropic/claude-opus-4.6", "openrouter/anthropic/claude-opus-4.6"),
        ("smollm2-135m-instruct", "local/smollm2-135m-instruct"),
        ("no-such-model", None),
        ("nobody/x", None),
        ("openai/", None),
        ("", None),
    ],
)
def test_a_name_means_a_target_or_nothing(name: str, target: str | None) -> None:
    assert book(EVERYTHING).resolve(name) == target


def test_a_model_of_an_absent_provider_is_nobodys() -> None:
    assert book({"OPENAI_API_KEY": "k"}).resolve("claude-sonnet-4-5") is None
    assert book({"OPENROUTER_API_KEY": "k"}).resolve("anthropic/claude-opus-4.6") == (
        "openrouter/anthropic/claude-opus-4.6"
    )


def test_close_names_are_suggested() -> None:
    names = book({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    assert names.close("gpt4o-mini")[0] == "openai/gpt-4o-mini"
    assert "anthropic/claude-sonnet-4-5" in names.close("anthropic/claude-sonet-4-5")
    assert names.close("zzzzzzzzzzzz") == []


# ---- what is known ------------------------------------------------------------------------------

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_model_nobody_described_has_its_providers_capabilities() -> None:
    names = book({"MISTRAL_API_KEY": "k"})
    model = names.model("mistral/brand-new")
    assert (model.context_tokens, model.prefill) == (32000, True)
    assert names.cost(Usage(prompt=1), "mistral/brand-new", NOW) is None
    assert names.model("nobody/x").capabilities is None


def test_ones_own_machine_is_free_and_a_strangers_is_not() -> None:
    text = '[[provider]]\nname = "p"\nbase_url = "http://h/v1"\n'
    names = book({"OLLAMA_BASE_URL": "http://h"}, text)
    usage = Usage(prompt=1000, completion=1000)
    for target, usd in (("local/any", 0), ("ollama/qwen3:4b", 0), ("p/any", None)):
        assert names.cost(usage, target, NOW) == usd


def test_the_configuration_corrects_the_snapshot() -> None:
    text = """
[[model]]
name = "openai/gpt-4o-mini"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
[[model]]
name = "local/mine"
aliases = ["mine"]
context_tokens = 1000
capabilities = ["tools"]
"""
    environ = {"OPENAI_API_KEY": "k"}
    names = book(environ, text)
    known = names.model("openai/gpt-4o-mini")
    assert known.context_tokens == 128000
    assert names.cost(Usage(prompt=10, completion=1), known.name, NOW) == Decimal("0.0000014")
    assert names.resolve("mine") == names.resolve("local/mine") == "local/mine"
    mine = names.model("local/mine")
    assert (mine.context_tokens, mine.capabilities) == (1000, {"tools"})


def test_what_can_be_reached_is_known_by_name() -> None:
    environ = {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}
    found = book(environ)
    known = found.known()
    assert {"openai/gpt-4o-mini", "groq/llama-3.3-70b-versatile"} <= set(known)
    assert {one.partition("/")[0] for one in known} <= {"openai", "groq", "local"}
    assert all(found.resolve(one) for one in known)
    assert len(known) == len(set(known))
