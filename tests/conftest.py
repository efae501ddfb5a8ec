"""What holds for every test: nothing of the machine's own settings gets in, and nothing leaves the machine.

Sockets beyond loopback are refused by pytest-socket, set up in pyproject.toml.
"""

import os
import zoneinfo

from hypothesis import HealthCheck, settings

# A proxy would be asked for loopback addresses too, and terminals change how tables are drawn.
_OUTSIDE = ("all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy", "netrc", "requests_ca_bundle", "curl_ca_bundle")
_TERMINAL = ("clicolor", "clicolor_force", "columns", "force_color", "github_actions", "lines", "py_colors", "tty_compatible")


def pytest_configure() -> None:
    """Before anything is imported by a test, so that what is read at import is clean as well."""
    for name in list(os.environ):
        own = name.startswith("HOIST_") and name != "HOIST_SHARED"
        if own or name.lower() in _OUTSIDE + _TERMINAL:
            del os.environ[name]
    zoneinfo.reset_tzpath(())  # as the program does: the rules of zones are those of the tzdata package on every machine
    os.environ["NO_COLOR"] = "1"
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # a person's keyring is never read or written


settings.register_profile(
    "hoist",
    deadline=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),  # a change is judged by the same examples each time; at a desk they are always new
    suppress_health_check=[HealthCheck.too_slow],  # says how busy the machine is, not what is wrong
)
settings.load_profile("hoist")
