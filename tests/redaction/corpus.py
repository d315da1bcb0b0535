"""The corpus: cases of each kind, built from published formats and a seed."""

import json
import re

import phonenumbers
from formats import CARDS, IBANS, KEYS, NAMES, TEST_CARDS, TOKENS

# Around a secret; without digits, so that every digit that is kept is one of the secret.
SENTENCES = ["{}", "paid with {}", "{} thanks", "see {}, please", "note: {}.", "({})", "<b>{}</b>", "x={}&y=z", "it’s {} – ok"]
SEPARATORS = [
    "", " ", "-", ".", "_", "\t", "\n", " - ", "\u00a0", "\u2009", "\u2007", "\u202f", "\u3000", "\u2212", "\u2010", "\u2013",
    "\u200b", "\u2060", "\ufeff", "\u00ad", "·", "|", "+", "%20", "&nbsp;",
]
SETS = {
    "h": "0123456789abcdef",
    "d": "0123456789",
    "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "u": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "w": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
}


def luhn(partial):
    """The number with its check digit."""
    total = sum(int(d) if i % 2 else sum(divmod(int(d) * 2, 10)) for i, d in enumerate(reversed(partial)))
    return partial + str(-total % 10)


def script(digits, zero):
    return "".join(chr(ord(zero) + int(d)) if d.isdigit() else d for d in digits)


def case(kind, given, secrets, digits=False):
    return {"kind": kind, "input": given, "secrets": secrets, "digits": digits}


def sentence(rng, secret):
    return rng.choice(SENTENCES).format(secret)


def grouped(rng, number, sizes, separator):
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return separator.join(part for part in parts + [number[at:]] if part)


def cards(rng):
    numbers = list(TEST_CARDS)
    for prefixes, lengths in CARDS.values():
        for prefix in prefixes:
            for length in lengths:
                for _ in range(4):
                    body = prefix + "".join(rng.choice("0123456789") for _ in range(length - 1 - len(prefix)))
                    numbers.append(luhn(body))
    for number in numbers:
        sizes = [4, 6] if len(number) in (14, 15) else [4] * 4
        yield case("card", {"text": sentence(rng, number)}, [number], True)
        spelled = grouped(rng, number, sizes, rng.choice(SEPARATORS))
        yield case("card, grouped", {"text": sentence(rng, spelled)}, [spelled], True)
        zero = rng.choice("０٠۰०０")
        yield case("card, other digits", {"text": sentence(rng, script(number, zero))}, [script(number, zero)], True)
        spelled = rng.choice([number, number + ".0", "-" + number, f"{number[0]}.{number[1:]}e{len(number) - 1}"])
        yield case("card as a number", {"data": {"n": json.loads(spelled, parse_float=Number)}}, [number], True)
    for number in rng.sample(numbers, 100):
        if len(number) != 16:
            continue
        for spelled in [" ".join(number), number[:8] + " " + number[8:], number[0] + "-" + number[1:], number + " 12/28"]:
            expiry = spelled.endswith("12/28")
            yield case("card, odd groups", {"text": f"card {spelled}"}, [spelled[:-6] if expiry else spelled], not expiry)


class Number(str):
    """A number in the spelling that it has."""


def check_digits(country, bban):
    digits = "".join(str(int(c, 36)) for c in bban + country + "00")
    return f"{98 - int(digits) % 97:02}"


def ibans(rng):
    for country, structure in IBANS.items():
        for separator in SEPARATORS[:18] + [" ", ".", "  "]:
            if separator in ("\t", "\n", " - "):
                separator = " "
            runs = re.findall(r"(\d+)([nac])", structure)
            letters = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
            bban = "".join(rng.choice(letters[sign]) for count, sign in runs for _ in range(int(count)))
            iban = country + check_digits(country, bban) + bban
            spelled = separator.join(re.findall(".{1,4}", iban))
            spelled = rng.choice([spelled, spelled, spelled.lower(), spelled + "EUR" if separator == "" else spelled])
            yield case("IBAN", {"text": rng.choice(SENTENCES[:5]).format(spelled)}, [spelled.removesuffix("EUR")])


def ssns(rng):
    for _ in range(150):
        area = rng.choice([rng.randint(1, 665), rng.randint(667, 899)])
        ssn = f"{area:03}-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"
        spelled = rng.choice([ssn, ssn.replace("-", " "), ssn.replace("-", "\u2010"), script(ssn, "０"), ssn.replace("-", ".")])
        yield case("SSN", {"text": sentence(rng, spelled)}, [spelled], True)
        yield case("SSN", {"text": f"his SSN {ssn.replace('-', '')}"}, [ssn.replace("-", "")], True)
        itin = f"9{rng.randint(0, 99):02}-{rng.choice([50, 65, 70, 88, 90, 92, 94, 99])}-{rng.randint(1, 9999):04}"
        yield case("ITIN", {"text": sentence(rng, itin)}, [itin], True)


def emails(rng):
    locals_ = ["jane", "jane.doe", "jane+tag", "j_d-9", "o'neil", "JANE", "jörg", '"jane doe"', "x", "a.b.c.d", "user%example"]
    domains = ["example.com", "mail.example.co.uk", "example.museum", "EXAMPLE.ORG", "münchen.example", "xn--e1afmkfd.xn--p1ai", "ex-ample.io"]
    for local in locals_:
        for domain in domains:
            for sign in ["@", "＠", "﹫", "%40", "&#64;", "&#x40;", "&commat;", "\u200b@", "%2540"]:
                address = local + sign + domain
                yield case("e-mail", {"text": rng.choice(SENTENCES).format(address)}, [address, local + sign, sign + domain])
            url = f"https://app.example.net/cart?item=a&to={local.strip(chr(34)).replace(' ', '.')}@{domain}&x=y"
            yield case("e-mail in a URL", {"text": url}, [f"@{domain}"])


def phones(rng):
    forms = phonenumbers.PhoneNumberFormat
    types = phonenumbers.PhoneNumberType
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (types.FIXED_LINE, types.MOBILE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            e164 = phonenumbers.format_number(number, forms.E164)
            international = phonenumbers.format_number(number, forms.INTERNATIONAL)
            national = phonenumbers.format_number(number, forms.NATIONAL)
            for spelled in [e164, international, international.replace(" ", rng.choice(SEPARATORS[8:12])), "00" + international[1:], script(e164, "０")]:
                yield case("phone, international", {"text": sentence(rng, spelled)}, [spelled], True)
            yield case("phone, international", {"text": f"{international} {international}"}, [international], True)
            for key in rng.sample(["phone", "phone_number", "mobile", "tel", "fax", "cell", "contact_number", "whatsapp", "homePhone"], 3):
                yield case("phone, national under its key", {"data": {key: national}}, [national], True)
            digits = re.sub(r"\D", "", national)
            if not digits.startswith("0"):
                yield case("phone, number under its key", {"data": {"phone": int(digits)}}, [digits], True)
            yield case("phone, national after a word", {"text": rng.choice(["call {}", "tel. {}", "Phone: {}", "my mobile is {}", "fax {}"]).format(national)}, [national], True)
            if national != digits:
                yield case("phone, national with separators", {"text": rng.choice(["{}", "reach me: {}", "{} anytime"]).format(national)}, [national], True)


def fill(rng, template):
    return re.sub(r"\{(\d+):(\w)\}", lambda m: "".join(rng.choice(SETS[m[2]]) for _ in range(int(m[1]))), template)


def tokens(rng):
    for provider, templates in TOKENS.items():
        for template in templates:
            for _ in range(8):
                token = fill(rng, template)
                # What must not be kept: the longest part that is random.
                secret = max(re.split(r"[.\n/=&;:]", token), key=len)
                yield case("token", {"text": rng.choice(["{}", "use {} now", "export KEY={}", '"{}"', "({})"]).format(token)}, [secret]) | {"provider": provider}


def secret(rng):
    word = rng.choice(["hunter", "Tr0ub4dor", "s3cr3t", "correct-horse", "xK9"])
    return word + "".join(rng.choice(SETS["a"]) for _ in range(8))


def pairs(rng):
    templates = [
        "{n}={s}", "{n}: {s}", '"{n}": "{s}"', "{n}='{s}'", "https://app.example.com/reset?a=b&{n}={s}&c=d", "{n} => {s}", "{n}:{s}, next",
        "--{n}={s}", "export {n}={s}", '\\"{n}\\": \\"{s}\\"', "https://a.example/?next=%2Fx%3F{n}%3D{s}",
    ]
    for name in NAMES:
        for template in templates:
            value = secret(rng)
            yield case("name and value in text", {"text": template.format(n=name, s=value)}, [value])
    for template in ["my password is {}", "the PIN is {}", "the secret is {}", "his otp is {}", "API key is {}", "security code is {}"]:
        for _ in range(10):
            value = secret(rng)
            yield case("name and value in a sentence", {"text": template.format(value)}, [value])
    for template in ["Authorization: Bearer {}", "authorization: Basic {}==", "curl -H 'Authorization: Token {}'", "Bearer {}", "Cookie: a=b; sid={}", "Proxy-Authorization: Digest username=x, response={}"]:
        for _ in range(10):
            value = secret(rng) + secret(rng)
            yield case("header", {"text": template.format(value)}, [value])
    for _ in range(40):
        value, name = secret(rng), rng.choice(NAMES)
        inner = json.dumps({"a": [{name: value}], "b": 1})
        yield case("JSON in a string", {"data": {"payload": inner}}, [value])
        yield case("JSON in a string", {"data": {"payload": json.dumps({"inner": inner})}}, [value])
        yield case("JSON in a string", {"data": {"log": f"got {inner[:-1]}"}}, [value])
        spelling = rng.choice([("name", "value"), ("key", "value"), ("name", "val"), ("field", "value"), ("Name", "Value")])
        members = [(spelling[0], name), (spelling[1], value), ("type", "text")]
        rng.shuffle(members)
        yield case("name and value as members", {"data": {"fields": [dict(members)]}}, [value])
        yield case("name and value as members", {"record": json.dumps(dict(members))}, [value])


def keys(rng):
    for key in KEYS:
        for value in ["never-kept", {"a": "never-kept"}, ["never-kept"], 31337]:
            yield case("sensitive key", {"data": {"x": [{key: value}]}}, ["never-kept", "31337"])
            yield case("sensitive key", {"record": json.dumps({key: value})}, ["never-kept", "31337"])


def build(rng):
    for kind in (cards, ibans, ssns, emails, phones, tokens, pairs, keys):
        yield from kind(rng)
