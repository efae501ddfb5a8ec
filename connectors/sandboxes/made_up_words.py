"""The words of made-up tickets: who works where, what breaks, and what people write about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DESK: Final = "Service Desk"
ENGINEERS: Final[Mapping[str, int]] = {
    DESK: 8,
    "Network Operations": 5,
    "Workplace Support": 5,
    "Application Support": 6,
    "Identity and Access": 4,
    "Network Engineering": 3,
    "Platform Engineering": 4,
    "Security Operations": 3,
}
"""Teams, and how many people are in each."""

LINES: Final[Mapping[str, str]] = {
    DESK: "L1",
    "Network Operations": "L2",
    "Workplace Support": "L2",
    "Application Support": "L2",
    "Identity and Access": "L2",
    "Network Engineering": "L3",
    "Platform Engineering": "L3",
    "Security Operations": "L3",
}


@dataclass(frozen=True)
class Service:
    """One affected service: the teams of the second and third line that know it, and what people report about it."""

    name: str
    second: str
    third: str
    subjects: Sequence[str]


SERVICES: Final[Sequence[Service]] = (
    Service("VPN", "Network Operations", "Network Engineering", (
        "VPN drops every few minutes from {place}", "Cannot connect to VPN since this morning", "VPN asks for the code twice",
        "VPN client stuck on 'connecting'", "No access to internal sites over VPN",
    )),
    Service("Network", "Network Operations", "Network Engineering", (
        "Wi-Fi very slow in {place}", "No network on floor {number} in {place}", "Meeting room {number}: no internet",
        "Packet loss between {place} and the data centre", "New desk has no working network socket",
    )),
    Service("E-mail", "Application Support", "Platform Engineering", (
        "Mails to customers bounce", "Shared mailbox not visible in Outlook", "Calendar invitations arrive hours late",
        "Mailbox full, cannot send", "Out-of-office cannot be switched off",
    )),
    Service("ERP", "Application Support", "Platform Engineering", (
        "ERP: error {number} when posting an invoice", "ERP very slow since the update", "Order {number} hangs in approval",
        "Month-end report shows wrong totals", "Cannot print delivery notes from ERP",
    )),
    Service("Laptop", "Workplace Support", "Platform Engineering", (
        "Laptop does not start after update", "Blue screen twice a day", "Docking station: second screen stays black",
        "Battery lasts 20 minutes", "Keyboard types wrong characters",
    )),
    Service("Printing", "Workplace Support", "Network Engineering", (
        "Printer in {place} prints blank pages", "Print jobs stay in the queue", "Scan to mail does not arrive",
        "Label printer {number} offline",
    )),
    Service("Accounts", "Identity and Access", "Security Operations", (
        "Account locked after holiday", "New colleague can't open the share of {place}", "Password reset mail never arrives",
        "Please remove access of a leaver", "Single sign-on loops back to the login page",
    )),
    Service("Security", "Identity and Access", "Security Operations", (
        "Suspicious mail with invoice attached", "Unknown login from abroad on my account", "Laptop stolen on the train",
        "Pop-up says my files are encrypted",
    )),
)  # fmt: skip

PLACES: Final = ("Utrecht", "Rotterdam", "Antwerp", "Eindhoven", "Ghent", "Lille", "the warehouse", "the head office")
FIRST_NAMES: Final = (
    "Anna", "Bram", "Chloe", "Daan", "Elif", "Femke", "Goran", "Hanna", "Imran", "Julia", "Kofi", "Lars", "Mira", "Noor", "Omar",
    "Petra", "Quinten", "Rosa", "Sanne", "Tariq", "Ute", "Vera", "Wout", "Yara", "Zeynep",
)  # fmt: skip
LAST_NAMES: Final = (
    "Visser", "Bakker", "Smit", "Mulder", "Jansen", "Peeters", "Maes", "Dubois", "Yilmaz", "Novak", "Haddad", "Mensah", "Larsen",
    "Costa", "Weber", "Kowalska", "Okafor", "Rossi", "Meyer", "Lambert",
)  # fmt: skip

DESCRIPTIONS: Final = (
    "Since {when} this happens on every try. A restart did not help. Two colleagues have the same.",
    "It worked {when}. I need it for a customer meeting this afternoon.",
    "See subject. It started {when}; nothing was changed on my side as far as I know.",
    "I have tried it on another computer as well, with the same result.",
)
WHEN: Final = ("yesterday", "this morning", "the update", "Monday", "last week")
TAKEN: Final = (
    "I am looking into this.",
    "Thank you for reporting this, I am on it.",
    "We have received your report and are checking.",
)
ASKED: Final = ("Could you send us a screenshot?", "Does it also happen at another desk?", "When can we reach you by phone?")
REPLIED: Final = ("Here is the screenshot.", "Yes, also at another desk.", "You can reach me all day.", "Still the same, sorry.")
CHASED: Final = ("Any news on this?", "This is blocking my work, can somebody look at it?", "I have not heard anything yet.")
HANDED: Final = (
    "Checked the basics, needs a specialist.",
    "This is not ours, please take over.",
    "Logs attached, we can't go further.",
)
BOUNCED: Final = ("Nothing wrong on our side, please check with the user again.", "Wrong team, sending it back.")
NOTED: Final = (
    "Reproduced it on a test machine.",
    "Log shows time-outs around the reported time.",
    "Waiting for the change window.",
)
VENDOR: Final = ("Opened a case with the vendor.", "Vendor needs the logs of the last day.")
SOLVED: Final = (
    "This should be solved now, please let us know if it returns.",
    "We have repaired this.",
    "Fixed by a reset, see the notes.",
)
RETURNED: Final = ("It is back again.", "Unfortunately not solved.")
