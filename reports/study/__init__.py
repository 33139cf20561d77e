"""The tables and figures of ``docs/study.md``, made from the records under ``studies/``.

``contrasts`` compares methods by seeds, ``early`` asks what predicts a collapse, ``parts`` and
``figures`` list what each part shows, and ``page`` puts the tables between the markers of the page.
May import the rest of ``reports``.
"""
