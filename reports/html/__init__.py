"""The report as one HTML page that needs neither server nor network.

``page`` puts it together from the files in ``assets`` (page, style and scripts), ``tables`` (tables
as HTML) and ``payload`` (curves and pictures for the scripts).
"""
