"""Opens a Samba directory's database file itself, as the system. Only while its server is stopped, or for reading."""
import os

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def open_database(directory, schema_updates=False, bulk=False):
    """`directory` is what `samba-tool domain provision --targetdir` was given. `bulk`: for many writes in few
    transactions, without a transaction of its own for each write, so that one that fails spoils the whole."""
    parameters = LoadParm()
    parameters.load(os.path.join(directory, "etc", "smb.conf"))
    if schema_updates:
        parameters.set("dsdb:schema update allowed", "yes")
    options = ["transaction_index_cache_size:200000", "batch_mode:1"] if bulk else []
    return SamDB(url=os.path.join(directory, "private", "sam.ldb"), session_info=system_session(), lp=parameters, options=options)
