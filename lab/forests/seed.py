#!/usr/bin/python3
"""Fills a forest whose server is stopped: seed.py DIRECTORY FOREST --users N --seed S. Prints the counts as JSON.

Written straight into the database, as the system, in large transactions. lab/forest-seed.sh stops and starts the server.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ldb  # noqa: E402

import population  # noqa: E402

from samba_database import open_database  # noqa: E402

BATCH = 5000  # objects in a transaction; a transaction is kept in memory until it ends


def message(database, dn, values):
    made = ldb.Message(ldb.Dn(database, dn))
    for name, value in values.items():
        made[name] = ldb.MessageElement(value, ldb.FLAG_MOD_ADD, name)
    return made


def containers(p):
    yield f"CN=Monitoring Mailboxes,{population.SYSTEM_OBJECTS},{p.company.base}", {"objectClass": "container"}
    for unit in population.UNITS:
        yield p.unit(unit), {"objectClass": "organizationalUnit"}
    for dn in p.databases:
        name = dn[3:].split(",", 1)[0]
        yield dn, {"objectClass": "msExchPrivateMDB", "legacyExchangeDN": f"{p.legacy_group}/cn=Configuration/cn=Databases/cn={name}"}


def write(database, additions, changes):
    """Adds objects, then values to objects, a transaction for each batch."""
    work = [(database.add, dn, values) for dn, values in additions] + [(database.modify, dn, values) for dn, values in changes]
    for start in range(0, len(work), BATCH):
        database.transaction_start()
        try:
            for act, dn, values in work[start:start + BATCH]:
                act(message(database, dn, values))
        except (ldb.LdbError, TypeError) as error:
            database.transaction_cancel()
            raise SystemExit(f"seed: {dn}: {error}\n{values}") from error
        database.transaction_commit()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("forest")
    parser.add_argument("--users", type=int, default=500, help="user mailboxes (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="another number, other people (default 1)")
    options = parser.parse_args()
    if options.users < 20:
        parser.error("at least 20 users, or some kinds could not be made")

    began = time.monotonic()
    p = population.populate(options.forest, options.users, options.seed)
    database = open_database(options.directory, bulk=True)
    if len(database.search(base=database.domain_dn(), expression="(ou=Admin Contacts)", attrs=["ou"])):
        raise SystemExit(f"seed: {options.forest} has been seeded already; make it anew first (lab/forest-seed.sh does)")
    made = time.monotonic()
    write(database, list(containers(p)) + [(o.dn, o.attributes) for o in p.objects], [(dn, {name: values}) for dn, name, values in p.links])
    print(f"seed: {len(p.objects)} objects made up in {made - began:.1f} s, written in {time.monotonic() - made:.1f} s", file=sys.stderr)
    json.dump(population.summary(p), sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
