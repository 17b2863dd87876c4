"""Answers in the shapes of OpenAI's API, each naming the upstream that gave it."""

import json

WORDS = ("one", "two", "three", "four", "five")


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def error(message, kind="server_error", code=None):
    return dump({"error": {"message": message, "type": kind, "param": None, "code": code}})


def usage():
    return {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def chat(name, model, words):
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": model,
        "system_fingerprint": name, "usage": usage(),
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "message": {"role": "assistant", "content": " ".join(words)}}],
    }


def text_completion(name, model, words):
    return {
        "id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": model,
        "system_fingerprint": name, "usage": usage(),
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "text": " ".join(words)}],
    }


def response(name, model, words, status="completed"):
    return {
        "id": "resp_1", "object": "response", "created_at": 1700000000, "model": model,
        "status": status, "metadata": {"upstream": name}, "error": None,
        "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
        "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": status,
                    "content": [{"type": "output_text", "text": " ".join(words),
                                 "annotations": []}]}],
    }


def embeddings(name, model, words):
    return {
        "object": "list", "model": model, "usage": {"prompt_tokens": 3, "total_tokens": 3},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125]}],
        "upstream": name,
    }


def models(name, model, words):
    return {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1700000000,
                                        "owned_by": name}]}


def sse(value, event=None):
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + dump(value) + b"\n\n"


def chat_chunk(name, model, delta, finish=None):
    return sse({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
                "model": model, "system_fingerprint": name,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def chat_stream(name, model, words):
    """The role rides on the first word, so that every event but the last two carries content."""
    events = [chat_chunk(name, model, {"content": word}) for word in words]
    events[0] = chat_chunk(name, model, {"role": "assistant", "content": words[0]})
    return events + [chat_chunk(name, model, {}, "stop"), b"data: [DONE]\n\n"]


def text_stream(name, model, words):
    chunk = {"id": "cmpl-1", "object": "text_completion", "model": model, "upstream": name}
    events = [sse({**chunk, "choices": [{"index": 0, "text": word, "finish_reason": None}]})
              for word in words]
    last = sse({**chunk, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
    return events + [last, b"data: [DONE]\n\n"]


def response_stream(name, model, words):
    def event(kind, number, **more):
        return sse({"type": kind, "sequence_number": number, **more}, kind)

    events = [event("response.created", 0,
                    response=response(name, model, (), "in_progress"))]
    for number, word in enumerate(words, 1):
        events.append(event("response.output_text.delta", number, item_id="msg_1",
                            output_index=0, content_index=0, delta=word))
    events.append(event("response.completed", len(words) + 1,
                        response=response(name, model, words)))
    return events


# the end of the path → what a JSON answer looks like, and what a stream does
OPERATIONS = (
    ("/chat/completions", chat, chat_stream),
    ("/completions", text_completion, text_stream),
    ("/responses", response, response_stream),
    ("/embeddings", embeddings, None),
    ("/models", models, None),
)


def echo(name, ask):
    return {"upstream": name, "method": ask.method, "target": ask.target, "length": ask.length}


def answer(name, ask, words=WORDS):
    """The bytes of a good JSON answer to `ask`."""
    for end, shape, _ in OPERATIONS:
        if ask.path.endswith(end):
            return dump(shape(name, ask.model, words))
    return dump(echo(name, ask))


def stream(name, ask, words=WORDS):
    """The events of a good stream; None where the operation does not stream."""
    for end, _, shape in OPERATIONS:
        if shape and ask.path.endswith(end):
            return shape(name, ask.model, words)
    return None
