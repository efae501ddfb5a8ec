"""The pages that stand where JSON was asked for."""

from __future__ import annotations

from typing import Final

LOGIN: Final = (
    b"<!DOCTYPE html><html><head><title>Log in | ServiceNow</title></head>"
    b'<body><form action="login.do" method="post"><input name="user_name"><input name="user_password"></form></body></html>'
)
HIBERNATING: Final = (
    b"<!DOCTYPE html><html><head><title>Instance Hibernating page</title></head>"
    b"<body><h1>Your instance is hibernating</h1>"
    b"<p>Sign in to the developer site to wake your instance.</p></body></html>"
)
MAINTENANCE: Final = (
    b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    b"<body><h1>The instance is being upgraded</h1></body></html>"
)
HTML: Final = "text/html;charset=UTF-8"
CANCELLED: Final = "Transaction cancelled: maximum execution time exceeded"
