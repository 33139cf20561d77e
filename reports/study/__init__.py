"""The tables and figures of ``docs/study.md``, made from the records under ``studies/``.

``contrasts`` compares methods by seeds, ``early`` asks what predicts a collapse, ``parts`` lists the
tables of each part, and ``page`` puts them between the markers of the page. May import the rest of
``reports``.
"""
