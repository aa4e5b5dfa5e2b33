"""Our settings below `plugins:`, as conda's configuration knows them."""

from __future__ import annotations

from typing import Any


def mode_parameter() -> Any:  # noqa: ANN401 - conda's PrimitiveParameter
    """conda's parameter object: a text, `warn` when it is not set.

    Not validated here: conda would raise inside our hooks, or end every command over a typo. `mode_problem` says it.
    """
    from conda.common.configuration import PrimitiveParameter

    class Mode(PrimitiveParameter):  # type: ignore[misc]  # conda is untyped for us
        """Whatever stands there, as one text: conda takes a list for nothing at all, and `[block]` meant something."""

        def load(self, name: str, match: Any) -> Any:  # noqa: ANN401
            """Give conda a text in place of a list."""
            read = match.value(self)
            several = isinstance(read, tuple)
            return super().load(name, _Alone(match, read) if several else match)

    return _named_as(PrimitiveParameter, Mode)("warn", element_type=str)


def conda_first_parameter() -> Any:  # noqa: ANN401 - conda's PrimitiveParameter
    """conda's parameter object: a text, for the reason above; what is not a yes counts as no."""
    from conda.common.configuration import PrimitiveParameter

    return PrimitiveParameter("false", element_type=str)


def word_parameter() -> Any:  # noqa: ANN401 - conda's PrimitiveParameter
    """conda's parameter object: a text, empty when it is not set."""
    from conda.common.configuration import PrimitiveParameter

    return PrimitiveParameter("", element_type=str)


def words_parameter() -> Any:  # noqa: ANN401 - conda's SequenceParameter
    """conda's parameter object: a list of words, empty when it is not set; as a variable, separated by commas.

    Nothing in it can break a conda command: what is wrong with an entry is said beside the next warning.
    """
    from conda.common.configuration import PrimitiveParameter, SequenceParameter

    class Words(SequenceParameter):  # type: ignore[misc]  # conda is untyped for us
        """Whatever stands there, as words: conda ends every command over a setting of the wrong type."""

        def load(self, name: str, match: Any) -> Any:  # noqa: ANN401
            """Give conda a list of texts in place of what was read."""
            return super().load(name, _Words(match, self))

    return _named_as(SequenceParameter, Words)(PrimitiveParameter("", element_type=str))


def _named_as(base: type[Any], ours: type[Any]) -> type[Any]:
    """`conda config` knows by the class's name what may be set, and how."""
    ours.__name__ = base.__name__
    return ours


class _Word:
    """One text, in the form of what conda reads from a file (its `RawParameter`)."""

    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, _parameter: Any) -> Any:  # noqa: ANN401
        return self._text

    def keyflag(self) -> None:
        return None

    def valueflags(self, _parameter: Any) -> Any:  # noqa: ANN401
        return None


class _Alone(_Word):
    """The words of a list as one text."""

    def __init__(self, match: Any, read: tuple[Any, ...]) -> None:  # noqa: ANN401
        super().__init__(", ".join(str(item.value(None)) for item in read))
        self._match = match

    def keyflag(self) -> Any:  # noqa: ANN401
        return self._match.keyflag()

    @property
    def source(self) -> Any:  # noqa: ANN401
        """The file or variable that it stands in."""
        return self._match.source


class _Words(_Word):
    """A list of such texts, from a list, a lone word, or anything else that YAML can say."""

    def __init__(self, match: Any, parameter: Any) -> None:  # noqa: ANN401
        super().__init__("")
        self._match = match
        read = match.value(parameter)
        if read is None:
            self._words: tuple[_Word, ...] = ()
        elif isinstance(read, tuple):
            self._words = tuple(_Word(str(item.value(None))) for item in read)
        else:
            self._words = (_Word(str(read)),)

    def value(self, _parameter: Any) -> Any:  # noqa: ANN401
        return self._words

    def keyflag(self) -> Any:  # noqa: ANN401
        return self._match.keyflag()

    def valueflags(self, _parameter: Any) -> Any:  # noqa: ANN401
        return (None,) * len(self._words)

    @property
    def source(self) -> Any:  # noqa: ANN401
        """The file or variable that it stands in."""
        return self._match.source
