"""The charter: what a run is for, its limits, and what needs a human. Read from TOML, never changed."""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from counterpoint.base import Action, BadInput, RunCircuit, Scan, TryControls
from counterpoint.govern.size import read_size, write_size

KINDS: dict[str, type[Action]] = {  # the kinds of action that the judge can bound
    "TryControls": TryControls,
    "RunCircuit": RunCircuit,
    "Scan": Scan,
}


def _number(value: Any, info: ValidationInfo) -> float:
    """A finite number above zero (spend: or zero, which buys nothing)."""
    name, least = info.field_name, "0 or more" if info.field_name == "spend" else "above 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r} and must be a number {least}: write it without quotes")
    if not math.isfinite(value) or value < 0 or (value == 0 and name != "spend"):
        raise ValueError(f"{name} is {value} and must be a finite number {least}: write one that is")
    return value


def _whole(value: Any, info: ValidationInfo) -> int:
    number = _number(value, info)
    if number != int(number):
        raise ValueError(f"{info.field_name} is {value} and must be a whole number: write {math.floor(value)}")
    return int(number)


def _bytes(value: Any, info: ValidationInfo) -> int:
    return _whole(read_size(value) if isinstance(value, str) else value, info)


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """A part of a charter: fixed once read, and without keys that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(Part):
    """What the run is for."""

    sentence: Text
    measure: Literal["detection-rate"]  # what is to be kept low


class Limits(Part):
    """What no action may pass. Each is the largest that is still allowed."""

    range: Number  # distance of any knob from its start, in units of its scale
    step: Number  # change of any knob of any candidate from the last permitted centre, in scale units, an epoch
    cycles: Whole  # error-correction cycles
    shots: Whole
    seconds: Number  # wall time
    disk: Bytes  # of the store's folder
    spend: Number  # money, in the reader's currency

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.shots > self.cycles:
            raise ValueError(
                f"shots is {self.shots:,} and cycles is {self.cycles:,}, but a shot takes a cycle at least: "
                "lower shots or raise cycles"
            )
        if self.step > 2 * self.range:
            raise ValueError(
                f"step is {self.step:g} and range is {self.range:g}, but no step inside the range is longer "
                f"than {2 * self.range:g}: lower step or raise range"
            )
        return self


class Ask(Part):
    """What is held back until a human has decided."""

    step: Number | None = None  # a longer step than this, in scale units
    kinds: tuple[str, ...] = ()  # every action of these kinds (keys of KINDS)

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            if kind not in KINDS:
                raise ValueError(f"kinds holds '{kind}', which is no kind of action: take {', '.join(KINDS)}")
        return kinds


class Charter(Part):
    """What a human allows. `from_toml` and `load` give errors in one sentence."""

    name: Text
    objective: Objective
    limits: Limits
    ask: Ask = Ask()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.ask.step is not None and self.ask.step >= self.limits.step:
            raise ValueError(
                f"ask.step is {self.ask.step:g} and limits.step is {self.limits.step:g}, so that no human "
                "would ever be asked: lower ask.step below limits.step, or leave it out"
            )
        return self

    @classmethod
    def load(cls, path: Path) -> Charter:
        """The charter in the TOML file at `path`.

        Raises:
            BadInput: no such file, not TOML, an unknown key, or limits that make no sense together.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BadInput(f"charter {path} does not exist: check the path") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"charter {path} cannot be read as text ({error}): check the file") from None
        return _read(text, f"charter {path}")

    @classmethod
    def from_toml(cls, text: str) -> Charter:
        """The charter written in `text`. Raises BadInput as `load` does."""
        return _read(text, "charter")

    def to_toml(self) -> str:
        """TOML that `from_toml` reads back as an equal charter."""
        plain = self.model_dump(exclude_none=True)
        plain["limits"]["disk"] = write_size(self.limits.disk)
        return tomli_w.dumps(plain)


def _read(text: str, where: str) -> Charter:
    try:
        return Charter.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not TOML ({error}): mend that line") from None
    except ValidationError as error:
        # A misspelt key is both unknown and missing: the unknown one tells the person what to mend.
        faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
        raise BadInput(f"{where}: {_sentence(faults[0])}") from None


def _sentence(fault: Any) -> str:
    """One fault that pydantic found, as a sentence with the way out."""
    keys = [str(part) for part in fault["loc"]]
    key = ".".join(keys)
    match fault["type"]:
        case "extra_forbidden":
            return f"key '{key}' is not known: {_nearest(keys)}"
        case "missing":
            return f"key '{key}' is missing: add it, such as {_example(keys)}"
        case "value_error":
            reason = str(fault["ctx"]["error"])
            table = ".".join(keys[:-1])
            return f"{table}.{reason}" if table and reason.startswith(f"{keys[-1]} is") else reason
        case _:
            problem = fault["msg"][0].lower() + fault["msg"][1:]
            return f"'{key}' is {fault['input']!r} ({problem}): write a value such as {_example(keys)}"


def _known_keys(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    keys = []
    for name, field in model.model_fields.items():
        keys.append((*prefix, name))
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _known_keys(field.annotation, (*prefix, name))
    return keys


def _nearest(keys: list[str]) -> str:
    """Where a key that is not known may have been meant: the same table first, then all of them."""
    known = _known_keys(Charter)
    here = [k for k in known if list(k[:-1]) == keys[:-1]]
    for among in (here, known):
        close = difflib.get_close_matches(keys[-1].lower(), [k[-1] for k in among], n=1)
        if close:
            return f"did you mean '{'.'.join(next(k for k in among if k[-1] == close[0]))}'?"
    return f"the keys here are {', '.join(k[-1] for k in here)}"


def _example(keys: list[str]) -> str:
    value: Any = FIRST_RUN.model_dump()
    for key in keys:
        value = value[key] if isinstance(value, dict) and key in value else value
    if isinstance(value, dict):
        return f"a table [{'.'.join(keys)}] with {', '.join(value)}"
    return repr(value).replace("'", '"')


FIRST_RUN = Charter(
    name="first-run",
    objective=Objective(
        sentence="Keep the chip's detection rate as low as it goes while its controls drift.",
        measure="detection-rate",
    ),
    limits=Limits(
        range=4.0,
        step=2.0,
        cycles=1_000_000_000,
        shots=100_000_000,
        seconds=230.0,  # with start and report, a first run is over within four minutes
        disk=500_000_000,
        spend=0.0,
    ),
)

# For verbs that run an experiment of a stated size: the same safety, room for a day's work.
EXPERIMENT = FIRST_RUN.model_copy(
    update={
        "name": "experiment",
        "limits": FIRST_RUN.limits.model_copy(
            update={"cycles": 10**13, "shots": 10**12, "seconds": 86_400.0, "disk": 20_000_000_000}
        ),
    }
)
