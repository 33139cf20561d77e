"""The report as one HTML page that needs neither a server nor a network connection.

``page`` assembles it from the files in ``assets`` (page, style and scripts), ``tables`` (tables as
HTML) and ``payload`` (curves and pictures for the scripts). May import ``results``, ``tables`` and
``figures``.
"""
