#!/usr/bin/env python3
"""Writes territories.json and languages.json from Unicode CLDR's JSON packages.

Run it only to refresh the two files; building Lotse needs neither Python nor CLDR.

    npm pack cldr-core cldr-localenames-full      # then unpack both
    ./generate.py PATH/cldr-core/package PATH/cldr-localenames-full/package

What is decided here, because CLDR leaves it open or says it otherwise:

- A country is a leaf of the UN M49 tree, without the codes that ISO 3166-1 only reserves (AC, CP, CQ, DG, EA,
  IC, TA). Kosovo (XK) is in: CLDR files it under 039 Southern Europe.
- Kosovo's alpha-3 code is XKX, as in the lists of the European Union; CLDR says XKK.
- QO (outlying Oceania) is CLDR's own invention; Antarctica hangs directly under 001, as in UN M49.
- Of the groupings, EU and the M49 ones (003, 202, 419) are taken; EZ and UN describe no place that advice is for.
- Where CLDR has no name in a language it repeats the code; such a "name" is left out (null).
"""

import json
import pathlib
import re
import sys

# Languages in which names of countries and areas are kept: those of the network's countries and of their
# neighbours, and the large languages of the people who ask for advice.
TERRITORY_LANGUAGES = (
    "de en fr es pt it nl pl ro bg cs sk hu el hr bs sr sr-Latn mk sq tr uk ru ka hy az "
    "ar fa ku ckb ps ur hi bn am ti so sw vi zh id fil"
).split()
# Languages in which names of languages are kept: those in which pages and lists are shown first.
LANGUAGE_LANGUAGES = "de en fr es ar tr ru uk".split()
# Languages that are kept whatever the count of their speakers: spoken by groups that the network advises.
WANTED_LANGUAGES = (
    "de en fr es pt it nl pl ro bg cs sk hu el hr bs sr mk sq tr uk ru ka hy az ar fa ku ckb ps ur hi bn am ti "
    "so sw vi zh id fil rom prs sl lt lv et fi sv da nb is ga mt be kk ky uz tk tg mn he yi arz ary "
    "ln kg wo ff bm dyu ee ak ha yo ig rw rn lg om din nus sus ce os ab lez ase"
).split()
# Languages that CLDR names under another tag than the one in use: Dari.
NAMED_UNDER = {"prs": "fa-AF"}
RESERVED_ONLY = {"AC", "CP", "CQ", "DG", "EA", "IC", "TA"}
LANGUAGE_COUNT = 190


def read(package, name):
    return json.loads((package / name).read_text(encoding="utf-8"))


def names(package, language, kind):
    path = package / "main" / language / f"{kind}.json"
    return json.loads(path.read_text(encoding="utf-8"))["main"][language]["localeDisplayNames"][kind]


def name_or_null(table, code):
    name = table.get(NAMED_UNDER.get(code, code))
    return None if name is None or name == code else name


def line_each(value, depth):
    """Compact JSON with one line for each entry down to `depth`: small, and a refresh reads well as a diff."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    rows = (f"{json.dumps(k)}:{line_each(v, depth - 1)}" for k, v in value.items())
    return "{\n" + ",\n".join(rows) + "\n}"


def territories(core, local):
    supplemental = core / "supplemental"
    contains = read(supplemental, "territoryContainment.json")["supplemental"]["territoryContainment"]
    mapping = read(supplemental, "codeMappings.json")["supplemental"]["codeMappings"]
    split = read(supplemental, "subdivisionContainment.json")["supplemental"]["subdivisionContainment"]

    areas, groupings, countries = {}, {}, set()
    for code, row in contains.items():
        if "-status-" in code or code in ("QO", "EZ", "UN"):
            continue
        children = [c for c in row["_contains"] if c != "QO" and c not in RESERVED_ONLY]
        if code == "001":
            children.append("AQ")
        (groupings if row.get("_grouping") else areas)[code] = sorted(children)
        countries.update(c for c in children if re.fullmatch("[A-Z]{2}", c))
    countries = sorted(countries)

    alpha3 = {c: mapping[c]["_alpha3"] for c in countries}
    alpha3["XK"] = "XKX"

    # CLDR writes "debw" under "DE", and "gbabc" under "gbeng": suffixes are kept, joined by blanks.
    subdivisions = {}
    for parent, row in split.items():
        country = parent[:2].upper()
        if country not in alpha3:
            continue
        key = country if len(parent) == 2 else f"{country}-{parent[2:].upper()}"
        subdivisions[key] = " ".join(sorted(c[2:].upper() for c in row["_contains"]))

    codes = sorted(areas) + sorted(groupings) + countries
    out = {
        "source": "Unicode CLDR " + read(core, "package.json")["version"],
        "license": "Unicode-3.0",
        "countries": alpha3,
        "areas": dict(sorted(areas.items())),
        "groupings": dict(sorted(groupings.items())),
        "subdivisions": dict(sorted(subdivisions.items())),
        "codes": codes,
        "names": {},
    }
    for language in TERRITORY_LANGUAGES:
        table = names(local, language, "territories")
        out["names"][language] = [name_or_null(table, code) for code in codes]
    return out


def speakers(core):
    """Speakers of each language over all territories, by CLDR's own estimate."""
    info = read(core / "supplemental", "territoryInfo.json")["supplemental"]["territoryInfo"]
    count = {}
    for row in info.values():
        for language, share in row.get("languagePopulation", {}).items():
            number = float(row["_population"]) * float(share["_populationPercent"]) / 100
            base = language.split("_")[0]
            count[base] = count.get(base, 0) + number
    return count


def right_to_left_scripts(core):
    scripts = read(core, "scriptMetadata.json")["scriptMetadata"]
    return sorted(code for code, row in scripts.items() if row["rtl"] == "YES")


def right_to_left(core, codes):
    """The languages whose most likely script runs from right to left."""
    likely = read(core / "supplemental", "likelySubtags.json")["supplemental"]["likelySubtags"]
    scripts = set(right_to_left_scripts(core))

    def script(code):
        base = NAMED_UNDER.get(code, code).split("-")[0]
        return likely.get(base, "und-Latn").split("-")[1]

    return [code for code in codes if script(code) in scripts]


def languages(core, local):
    english = names(local, "en", "languages")
    count = speakers(core)
    codes = {c for c in WANTED_LANGUAGES if name_or_null(english, c)}
    for code in sorted(count, key=lambda c: (-count[c], c)):
        if len(codes) >= LANGUAGE_COUNT:
            break
        if name_or_null(english, code):
            codes.add(code)
    codes = sorted(codes)
    aliases = read(core / "supplemental", "aliases.json")["supplemental"]["metadata"]["alias"]["languageAlias"]
    preferred = {}
    for code, row in sorted(aliases.items()):
        base = row["_replacement"].split("-")[0]
        if re.fullmatch("[a-z]{2,3}", code) and code not in codes and base in codes:
            preferred[code] = base
    own = []
    for code in codes:
        try:
            own.append(name_or_null(names(local, code, "languages"), code))
        except FileNotFoundError:
            own.append(None)
    out = {
        "source": "Unicode CLDR " + read(core, "package.json")["version"],
        "license": "Unicode-3.0",
        "codes": codes,
        "aliases": preferred,
        "right_to_left": right_to_left(core, codes),
        "right_to_left_scripts": right_to_left_scripts(core),
        "own": own,
        "names": {},
    }
    for language in LANGUAGE_LANGUAGES:
        table = names(local, language, "languages")
        out["names"][language] = [name_or_null(table, code) for code in codes]
    return out


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    core, local = (pathlib.Path(p) for p in sys.argv[1:])
    here = pathlib.Path(__file__).parent
    (here / "territories.json").write_text(line_each(territories(core, local), 2) + "\n", encoding="utf-8")
    (here / "languages.json").write_text(line_each(languages(core, local), 2) + "\n", encoding="utf-8")


main()
