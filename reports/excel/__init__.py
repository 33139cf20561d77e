"""The workbook: tables, statistics and native charts of a grid in one file.

May import ``results``, ``methods``, ``paper``, ``tables.model`` and the looks of ``figures``; only this
package imports openpyxl.
"""
