"""The workbook: tables, statistics and native charts of a grid in one file."""
