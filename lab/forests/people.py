"""Invented people: names of several scripts, places, jobs. Deterministic for one random generator."""
import re
import unicodedata
from dataclasses import dataclass

GIVEN = ("Anna Ben Clara David Emil Frieda Georg Hanna Ida Jonas Karl Lena Max Nora Oskar Paula Quentin Rosa Simon Tilda Ulrich "
         "Vera Walter Xenia Yannick Zoe Alice Brian Carol Dennis Eve Frank Grace Henry Irene James Kate Liam Mia Noah Olivia Peter "
         "Rachel Sam Tina Victor Wendy Aisha Omar Fatima Ravi Priya Arjun Ines Pablo Lucia Marco Giulia").split()
FAMILY = ("Schmidt Weber Fischer Wagner Becker Hoffmann Koch Richter Klein Wolf Neumann Zimmermann Braun Hartmann Lange Krause "
          "Smith Johnson Brown Taylor Wilson Davies Evans Walker Wright Thompson White Hughes Green Hall Wood Harris Clarke "
          "Patel Singh Khan Rossi Ferrari Bianchi Martin Bernard Dubois Moreau Laurent Silva Santos Costa Novak Kowalski "
          "Nielsen Jansen Visser Smit Meijer").split()
GIVEN_ACCENTED = "Jürgen Käthe Björn Zoë François Søren Åsa Łukasz Renée José Çağla Jiří Dvořák Désirée".split()
FAMILY_ACCENTED = "Müller Schäfer Größ Köhler Jäger Weiß Ødegård Øster Nuñez Lefèvre Çelik Świątek Horváth Gößmann O’Neil Van-der-Brück".split()
EAST_ASIAN = [  # family, given, the same in Latin letters
    ("山田", "太郎", "Yamada", "Taro"), ("佐藤", "花子", "Sato", "Hanako"), ("鈴木", "一郎", "Suzuki", "Ichiro"), ("高橋", "美咲", "Takahashi", "Misaki"),
    ("王", "芳", "Wang", "Fang"), ("李", "伟", "Li", "Wei"), ("陈", "静", "Chen", "Jing"), ("김", "민준", "Kim", "Minjun"), ("박", "서연", "Park", "Seoyeon"),
]
TITLES = ("Engineer", "Senior Engineer", "Account Manager", "Buyer", "Controller", "Head of Department", "Assistant", "Analyst",
          "Technician", "Product Manager", "Legal Counsel", "Vice President", "Trainee", "Consultant")
DEPARTMENTS = ("Sales", "Engineering", "Finance", "Human Resources", "Legal", "Operations", "Marketing", "Board", "IT", "Research & Development")


@dataclass(frozen=True)
class Place:
    region: str
    city: str
    state: str
    postal_code: str
    street: str
    country: str
    iso: str
    number: int
    dial: str


PLACES = (
    Place("Europe", "Berlin", "Berlin", "10117", "Friedrichstraße", "Germany", "DE", 276, "+49 30"),
    Place("Europe", "Zürich", "ZH", "8001", "Bahnhofstrasse", "Switzerland", "CH", 756, "+41 44"),
    Place("Europe", "Paris", "Île-de-France", "75008", "Rue de Rivoli", "France", "FR", 250, "+33 1"),
    Place("Americas", "New York", "NY", "10001", "Broadway", "United States", "US", 840, "+1 212"),
    Place("Americas", "São Paulo", "SP", "01310-100", "Avenida Paulista", "Brazil", "BR", 76, "+55 11"),
    Place("Asia", "東京", "東京都", "100-0001", "千代田", "Japan", "JP", 392, "+81 3"),
    Place("Asia", "Singapore", "Singapore", "018956", "Marina Boulevard", "Singapore", "SG", 702, "+65 6"),
)

LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "ł": "l", "đ": "d", "ı": "i", "Ä": "Ae",
                         "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa", "Ł": "L", "’": "", "'": "", " ": ""})


def ascii_part(text):
    """What an address is made of: umlauts written out, accents taken off, nothing but letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text.translate(LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]", "", plain).lower()


@dataclass(frozen=True)
class Name:
    given: str
    family: str
    display: str
    script: str  # plain, accented or eastAsian
    address: str  # the local part


def name(random):
    draw = random.random()
    if draw < 0.04:
        family, given, latin_family, latin_given = random.choice(EAST_ASIAN)
        return Name(given, family, f"{family} {given} ({latin_given} {latin_family})", "eastAsian",
                    f"{ascii_part(latin_given)}.{ascii_part(latin_family)}")
    accented = draw < 0.19
    given = random.choice(GIVEN_ACCENTED if accented and random.random() < 0.5 else GIVEN)
    family = random.choice(FAMILY_ACCENTED if accented else FAMILY)
    # Some companies write the family name first.
    display = f"{family}, {given}" if random.random() < 0.1 else f"{given} {family}"
    return Name(given, family, display, "accented" if accented else "plain", f"{ascii_part(given)}.{ascii_part(family)}")


# A JPEG of one grey pixel, cut down to what a decoder needs; the comment segment makes photos of any size.
JPEG_HEAD = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
JPEG_TAIL = bytes.fromhex(
    "ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f17181614"
    "1812141514ffc0000b080001000101011100ffc4001400010000000000000000000000000000000009ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0054dfffd9")


def photo(random):
    comment = random.randbytes(random.choice((200, 900, 4000, 9000)))
    return JPEG_HEAD + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + JPEG_TAIL
