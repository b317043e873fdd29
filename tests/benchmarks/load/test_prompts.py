"""Where prompts come from."""

import orjson
import pytest

from benchmarks.load import apis, prompts


def test_the_built_in_set_is_varied():
    texts = [one.text for one in prompts.varied()]
    assert len(texts) == len(set(texts)) == 80


def test_sizes_and_seeds():
    some = prompts.sized(10, 100, 0.5, 20, seed=3)
    assert some == prompts.sized(10, 100, 0.5, 20, seed=3)
    assert len(some) == 10
    for one in some:
        assert 180 <= len(one.text) <= 620
        assert one.output_tokens == 20


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one\n\ntwo\n", [prompts.Prompt("one"), prompts.Prompt("two")]),
        (
            '{"prompt": "a"}\n{"text": "b", "output_tokens": 5}\n',
            [prompts.Prompt("a"), prompts.Prompt("b", 5)],
        ),
        (
            orjson.dumps(
                [
                    {
                        "conversations": [
                            {"from": "human", "value": "hi"},
                            {"from": "gpt", "value": "x" * 40},
                        ]
                    },
                    {"conversations": [{"from": "gpt", "value": "never asked"}]},
                ]
            ).decode(),
            [prompts.Prompt("hi", 10)],
        ),
        (
            '{"messages": [{"role": "system", "content": "s"}, '
            '{"role": "user", "content": [{"type": "text", "text": "q"}]}]}',
            [prompts.Prompt("q", None, "s")],
        ),
    ],
)
def test_files(tmp_path, content, expected):
    path = tmp_path / "prompts"
    path.write_text(content)
    assert prompts.read(path) == expected


def test_a_file_without_prompts(tmp_path):
    path = tmp_path / "empty.json"
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match="holds no prompts"):
        prompts.read(path)


def test_many_questions_differ():
    asked = [one.text for one in prompts.many()]
    assert len(asked) == len(set(asked)) == 4000


def test_lengths_as_guidellm_writes_them():
    assert prompts.lengths("prompt_tokens=256,output_tokens=128") == (256, 128)
    assert prompts.lengths("prompt_tokens=256") == (256, None)
    assert prompts.lengths("data/prompts.jsonl") is None
    assert prompts.lengths("output_tokens=4") is None


def test_conversations_are_sent_whole(tmp_path):
    path = tmp_path / "talks.jsonl"
    said = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "tool", "content": "dropped", "tool_call_id": "1"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "the answer that is asked for"},
    ]
    path.write_bytes(orjson.dumps({"messages": said}))
    (one,) = prompts.read(path)
    turns = [(m["role"], m["content"]) for m in apis.APIS["chat"].body("m", one, True)["messages"]]
    assert turns == [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    assert apis.APIS["responses"].body("m", one, True)["input"][-1]["content"] == "c"
    assert len(apis.APIS["messages"].body("m", one, True)["messages"]) == 3


def test_a_byte_order_mark_is_no_prompt(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_bytes(b'\xef\xbb\xbf[{"prompt": "a"}, {"prompt": "b"}]')
    assert [one.text for one in prompts.read(path)] == ["a", "b"]


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt"\n')
    with pytest.raises(ValueError, match=r"prompts\.jsonl:2: "):
        prompts.read(path)
