"""What administrators write about sites of any platform: an address, and what the site's own names mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, model_validator

from rules.ticket import Status

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def address(of: str, example: str, named: str, *, sent: str = "credential", with_path: bool = True) -> Callable[[str], str]:
    """A check of the address `of` a site; gives it without a slash at its end.

    A credential in it is refused, and so is http beyond this machine: `named` says where the former belongs, `sent` what the
    latter would show. Without `with_path` it is a host alone. The check raises ValueError.
    """

    def checked(url: str) -> str:
        parts = urlsplit(url)
        beside = parts.query or parts.fragment or (not with_path and parts.path.strip("/"))
        if parts.scheme not in {"https", "http"} or not parts.hostname or beside:
            raise ValueError(f"this is no address of {of}; it looks like {example}")
        if parts.username or parts.password:
            raise ValueError(f"an address carries no credential; name {named}")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError(f"http would send the {sent} readable by anyone in between; use https")
        return url.rstrip("/")

    return checked


class StatusNames(BaseModel):
    """A site's own names of statuses that mean each of hoist's six; what is not named goes by what the platform says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    new: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    on_hold: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def by_name(self) -> dict[str, Status]:
        """Each name, in lower case, with its meaning."""
        return {name.casefold(): status for status in Status for name in getattr(self, status.value)}

    @model_validator(mode="after")
    def _each_name_once(self) -> StatusNames:
        names = [name.casefold() for status in Status for name in getattr(self, status.value)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a status has one meaning; named more than once: {', '.join(twice)}")
        return self


def nearest(name: str, names: Mapping[str, str]) -> str:
    """Half a sentence that names what was probably meant; `names` are those that there are, by their small letters."""
    near = get_close_matches(name.casefold(), names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else f"it has {', '.join(sorted(names.values())) or 'none'}"
