"""Prints a column of a table of an SQLite file, a line for each row.

rows.py FILE TABLE COLUMN
"""

import sqlite3
import sys

file, table, column = sys.argv[1:]
for (value,) in sqlite3.connect(file).execute(f"SELECT {column} FROM {table}"):
    print(value)
