"""The HTML page in a headless Chromium: it loads without errors, filters, sorts and slides."""

import json
import os
import shutil

import numpy as np
import pytest

from reports.figures.saved_images import SavedImages
from reports.html.page import write_page
from reports.results import load_grid
from reports.tables import standard

selenium = pytest.importorskip('selenium')
BROWSER, DRIVER = (shutil.which(name) for name in ('chromium', 'chromedriver'))
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="Debian's chromium and chromium-driver are not installed"
)


@pytest.fixture(scope='module')
def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    # No sandbox for root, as in containers; the page is our own.
    sandbox = ['--no-sandbox'] if os.getuid() == 0 else []
    for argument in ['--headless=new', '--window-size=1300,900', *sandbox]:
        options.add_argument(argument)
    options.add_argument('--disable-dev-shm-usage')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Browsed:
    """The opened page."""

    def __init__(self, driver):
        self.driver = driver

    def run(self, script):
        return self.driver.execute_script(script)

    def set(self, identity, value, event='input'):
        """Give a control a value as a user does."""
        self.run(
            f'const c = document.getElementById("{identity}"); c.value = {json.dumps(value)};'
            f'c.dispatchEvent(new Event("{event}", {{bubbles: true}}));'
        )

    def rows(self, section):
        """Texts of the visible rows of a section's tables."""
        return self.run(
            f'return [...document.querySelectorAll("#{section} tbody tr")]'
            '.filter((row) => !row.hidden).map((row) => row.textContent)'
        )

    def column(self, section, place):
        return self.run(
            f'return [...document.querySelector("#{section} tbody").rows]'
            f'.map((row) => row.cells[{place}].textContent)'
        )

    def errors(self):
        # Warnings aside: reading the canvas, as tests do, is slow.
        return [entry for entry in self.driver.get_log('browser') if entry['level'] == 'SEVERE']


@pytest.fixture
def open_page(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    def build(fake):
        grid = load_grid(fake.save())
        images, folder = SavedImages(fake.work_dir, grid), fake.work_dir / 'report'
        page = write_page(grid, images, [standard.main_table(grid)], [], [], folder)
        browser.get(page.as_uri())
        ready = 'return document.body.dataset.ready === "yes"'
        WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(ready))
        return Browsed(browser)

    yield build
    assert Browsed(browser).errors() == []


@pytest.mark.slow
def test_filter_and_sort(small, open_page):
    small.done(small.run('other', 'RI'), lambda _, t: 30.0)
    page = open_page(small)
    everything = page.rows('videos')
    assert len(everything) == 5 * 3
    page.set('filter', 'static -r=8')
    assert len(page.rows('videos')) == 4 and all('Static' in row for row in page.rows('videos'))
    assert page.run('return document.getElementById("matches").textContent').startswith('4 of')
    page.set('filter', '"NET w/ PI (R=2)" 001')
    assert len(page.rows('videos')) == 1
    page.set('filter', '')
    page.set('network', 'other', 'change')
    assert len(page.rows('videos')) == 3
    assert page.rows('tables') == ['OTHER w/ RI30.00 / 0.70030.00 / 0.70030.00']
    page.set('network', '', 'change')
    assert page.rows('videos') == everything
    before = page.column('tables', 1)
    click = 'document.querySelectorAll("#tables thead button")[1].click()'
    for expected in (sorted(before, reverse=True), sorted(before), before):
        page.run(click)
        assert page.column('tables', 1) == expected


@pytest.mark.slow
def test_sorted_rows_say_what_they_stood_under(small, open_page):
    small.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    page = open_page(small)
    assert page.column('tables', 0)[0] == 'Trained on Sample'
    page.run('document.querySelectorAll("#tables thead button")[1].click()')
    first = 'getComputedStyle(document.querySelector("#tables tbody td"), "::after").content'
    assert page.column('tables', 0)[0] == 'NET w/ RI'
    assert 'Trained on REDS' in page.run(f'return {first}')


@pytest.mark.slow
def test_method_leads_to_its_videos(small, open_page):
    page = open_page(small)
    page.run('document.querySelector("a.method").click()')
    assert page.run('return location.hash') == '#videos'
    assert len(page.rows('videos')) == 6 and all('RI' in row for row in page.rows('videos'))


@pytest.mark.slow
def test_variants(varied, open_page):
    page = open_page(varied)
    legend = (
        'return [...document.querySelectorAll("#legend button[aria-pressed=false]")]'
        '.map((b) => b.textContent)'
    )
    hidden = ['RI, best checkpoint', 'PI (R=8), reset every 15']
    assert page.run(legend) == hidden
    page.run(
        '[...document.querySelectorAll("#legend button")]'
        '.find((b) => b.textContent.startsWith("RI, best")).click()'
    )
    assert page.run(legend) == hidden[1:]
    # A method leads to its videos alone, although the names of its variants begin with its own.
    methods = 'document.querySelectorAll("a.method")'
    page.run(f'{methods}[0].click()')
    assert len(page.rows('videos')) == 6 and not any(',' in row for row in page.rows('videos'))
    page.run(f'{methods}[1].click()')
    assert len(page.rows('videos')) == 6
    assert all('RI, reset every 15' in row for row in page.rows('videos'))
    page.set('filter', 'reset')
    assert len(page.rows('tables')) == 3 and len(page.rows('videos')) == 15


@pytest.mark.slow
def test_words_sort_behind_numbers(small, open_page):
    small.status(small.run('net', 'PI', fc=True, repeats=8), 'FAILED', 'loss is not finite')
    page = open_page(small)
    for _ in range(2):
        page.run('document.querySelectorAll("#tables thead button")[1].click()')
        assert page.column('tables', 1)[-1] == 'failed'


def test_curves(small, open_page):
    small.status(small.run('net', 'PI', fc=True, repeats=8), 'FAILED', 'loss is not finite')
    page = open_page(small)
    legend = 'return [...document.querySelectorAll("#legend .value")].map((v) => v.textContent)'
    assert page.run(legend) == ['', '', '', 'failed']
    painted = (
        'const c = document.getElementById("chart"); const d = c.getContext("2d")'
        '.getImageData(0, 0, c.width, c.height).data; let n = 0;'
        'for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n'
    )
    with_lines = page.run(painted)
    # The cursor by keys: RI's seeds are at 20 and 22 dB up to frame 99, then 4 dB lower.
    key = (
        'document.getElementById("chart").dispatchEvent(new KeyboardEvent("keydown", {key: "%s"}))'
    )
    page.run(key % 'ArrowRight')
    assert page.run(legend) == ['21.00', '23.00', '25.00', 'failed']
    for _ in range(12):
        page.run(key % 'PageDown')
    assert page.run(legend)[0] == '17.00'
    page.set('curve-smooth', 40)
    assert 17.0 < float(page.run(legend)[0]) < 19.0  # frames 81 to 161
    page.set('curve-set', 0, 'change')  # its videos end before the cursor
    assert page.run(legend)[:3] == ['', '', '']
    assert page.run('return document.getElementById("curve-video").options.length') == 3
    page.run('document.querySelector("#legend h3 button").click()')
    pressed = 'return document.querySelectorAll("#legend button[aria-pressed=true]").length'
    assert page.run(pressed) == 0 and page.run(painted) < with_lines


@pytest.mark.slow
def test_frame_slider_and_wipe(pictured, open_page):
    page = open_page(pictured)
    names = 'return [...document.querySelectorAll("#panels figcaption")].map((c) => c.textContent)'
    assert len(page.run(names)) == 5
    sources = 'return [...document.querySelectorAll("#panels img")].map((i) => i.src)'
    first = page.run(sources)
    assert page.run(names)[2] == 'NET w/ RI20.00 dBseed 0'
    page.set('frame', 1)
    second = page.run(sources)
    assert second[0] == first[0] and second[2] != first[2]
    assert (
        page.run('return document.getElementById("frame-number").textContent') == '100 of 0 to 199'
    )
    assert page.run(names)[2] == 'NET w/ RI16.00 dBseed 0'
    # The picture that is shown is RI's, darker than the truth by 60 grey levels in one corner.
    pixels = (
        'const i = document.querySelectorAll("#panels img")[2]; await i.decode();'
        'const c = new OffscreenCanvas(i.naturalWidth, i.naturalHeight).getContext("2d");'
        'c.drawImage(i, 0, 0);'
        'return [...c.getImageData(0, 0, i.naturalWidth, i.naturalHeight).data]'
    )
    seen = np.array(page.run(pixels)).reshape(48, 64, 4)[..., :3]
    difference = pictured.truth.astype(int) - seen
    assert (difference[:16, 40:56] == 60).all() and not difference[16:].any()
    page.set('wipe', 25)
    assert (
        page.run('return document.getElementById("stage").style.getPropertyValue("--wipe")')
        == '25%'
    )
    page.run('document.querySelectorAll("#panels .view")[2].click()')
    stage = 'return [...document.querySelectorAll("#stage img")].map((i) => i.src)'
    assert page.run(stage) == [second[0], second[2]]
    page.set('zoom', 4)
    style = page.run('return document.getElementById("viewer").style.cssText')
    assert '--zoom: 4' in style and '--x: -1.5' in style  # enlarged around the middle


def test_no_pictures(small, open_page):
    page = open_page(small)
    assert page.run('return document.getElementById("viewer").hidden') is True
    assert page.run('return document.getElementById("no-frames").hidden') is False


@pytest.mark.slow
def test_dark_and_light(small, open_page):
    page = open_page(small)
    background = 'return getComputedStyle(document.body).backgroundColor'
    before = page.run(background)
    page.run('document.getElementById("theme").click()')
    assert page.run(background) != before
    page.run('document.getElementById("theme").click()')
    assert page.run(background) == before


def test_every_control_has_a_name(pictured, open_page):
    page = open_page(pictured)
    unnamed = page.run(
        'return [...document.querySelectorAll("input, select, button")].filter((c) =>'
        '!(c.labels?.length || c.textContent.trim() || c.ariaLabel)).map((c) => c.outerHTML)'
    )
    assert unnamed == []
    images = page.run('return [...document.querySelectorAll("#panels img")].map((i) => i.alt)')
    assert images[2] == 'NET w/ RI, frame 0'


@pytest.mark.slow
def test_a_grid_without_results(fake, open_page):
    fake.test_set('static', 'Static', v=120)
    fake.status(fake.run('net', 'RI'), 'FAILED', 'out of memory')
    fake.run('net', 'PI', repeats=2)
    page = open_page(fake)
    assert page.rows('runs')[0].startswith('net-RI')
    assert 'failed' in page.run('return document.getElementById("legend").textContent')
