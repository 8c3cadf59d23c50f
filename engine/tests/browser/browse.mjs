// Goes through the pages as people do, and prints what it saw: one line of JSON for each thing.
// The only argument is a file that says where the portal is, who signs in, and which pages there are.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const axe = fs.readFileSync(new URL('node_modules/axe-core/axe.min.js', `file://${job.npm}/`), 'utf8');
const say = (saw) => console.log(JSON.stringify(saw));

const browser = await chromium.launch({
  executablePath: job.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

const looks = [
  { language: 'en', width: 1280, colorScheme: 'light' },
  { language: 'en', width: 360, colorScheme: 'dark' },
  { language: 'uk', width: 1280, colorScheme: 'dark' },
  { language: 'uk', width: 360, colorScheme: 'light' },
];

const open = (look, more = {}) => browser.newContext({
  viewport: { width: look.width, height: 800 },
  locale: look.language === 'uk' ? 'uk-UA' : 'en-GB',
  colorScheme: look.colorScheme,
  baseURL: job.base,
  ...more,
});

// With nothing but keys: the first field has the focus, Tab goes to the next.
async function signIn(page, to = '/missed') {
  await page.goto(to);
  await page.waitForFunction(() => document.activeElement?.id === 'login');
  await page.keyboard.type(job.login);
  await page.keyboard.press('Tab');
  await page.keyboard.type(job.password);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  if (new URL(page.url()).pathname === '/sign-in') throw new Error(`not signed in: ${await page.locator('main').innerText()}`);
}

// What has the focus, and whether one sees that it has.
const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  return {
    href: at.getAttribute('href'),
    name: at.getAttribute('name'),
    text: at.textContent.trim().slice(0, 40),
    isSeen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px',
  };
});

async function look(context, page, name, how) {
  // One stream of news a page never ends: waiting for a silent network would be for ever.
  await page.waitForLoadState('load');
  await page.screenshot({ path: path.join(job.screenshots, `${name}-${how.language}-${how.width}.png`) });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  return {
    sideways,
    spoken: await page.evaluate(() => document.documentElement.lang),
    violations: violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(' , ')}`),
  };
}

// One picture of a page, and nothing else.
if (job.picture) {
  const page = await (await open(looks[0])).newPage();
  await signIn(page);
  await page.goto(job.picture.address);
  await page.screenshot({ path: path.join(job.screenshots, `${job.picture.name}.png`) });
  await browser.close();
  process.exit(0);
}

for (const how of looks) {
  const context = await open(how, { bypassCSP: true });
  const page = await context.newPage();
  const wrong = [];
  let requests = [];
  page.on('console', (message) => { if (message.type() === 'error') wrong.push(message.text()); });
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('requestfinished', (request) => { if (request.resourceType() !== 'image') requests.push(request); });
  // What came over the wire for it; what the browser has kept comes at no cost.
  const transferred = async () => {
    const sizes = await Promise.all(requests.splice(0).map((request) => request.sizes()));
    return sizes.reduce((sum, size) => sum + Math.max(0, size.responseBodySize), 0);
  };
  await page.goto('/sign-in');
  const door = await look(context, page, 'sign-in', how);
  say({ page: 'sign-in', ...how, status: 200, html: 0, transferred: await transferred(), ...door, wrong: wrong.splice(0) });
  await signIn(page);
  for (const { name, address } of job.pages) {
    const answer = await page.goto(address);
    const html = (await answer.body()).length;
    const seen = await look(context, page, name, how);
    say({ page: name, ...how, status: answer.status(), html, transferred: await transferred(), ...seen, wrong: wrong.splice(0) });
  }
  await context.close();
}

// The menu by keys alone: each of its links gets the focus, one sees it, and Enter goes there.
{
  const context = await open(looks[0]);
  const page = await context.newPage();
  await signIn(page);
  const menu = await page.$$eval('nav a', (links) => links.map((link) => link.getAttribute('href')));
  const reached = [];
  for (const href of menu) {
    await page.goto('/missed');
    let at = await focused(page);
    for (let presses = 0; presses < 40 && at.href !== href; presses += 1) {
      await page.keyboard.press('Tab');
      at = await focused(page);
    }
    const { isSeen } = at;
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    reached.push({ href, isSeen, address: new URL(page.url()).pathname });
  }
  // The search by its key, and down the list of calls by theirs.
  await page.goto('/missed');
  await page.keyboard.press('/');
  await page.keyboard.type(job.search);
  await Promise.all([page.waitForURL((url) => url.pathname === '/calls'), page.keyboard.press('Enter')]);
  await page.waitForLoadState('load');
  const found = await page.$$eval('table.calls tbody tr', (rows) => rows.length);
  await page.keyboard.press('j');
  const at = await focused(page);
  await Promise.all([page.waitForURL((url) => url.pathname.startsWith('/calls/')), page.keyboard.press('Enter')]);
  say({ keys: reached, found, opened: at.href === new URL(page.url()).pathname });
  await context.close();
}

// A text of the site file takes the place of another, in its form and without script: the page that answers comes back by itself.
if (job.site_file) {
  const context = await open(looks[0], { javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page);
  await page.goto('/set-up/directory');
  const typed = page.locator('textarea[name="text"]');
  await typed.fill((await typed.inputValue()).replace(job.site_file.from, job.site_file.to));
  await page.locator('form[method="post"] button.main').click();
  await page.getByRole('cell', { name: job.site_file.to }).first().waitFor({ timeout: 120_000 });
  say({ site_file: await typed.inputValue() });
  await context.close();
}

// From all calls to the unanswered ones that came in, by two clicks: with and without script.
for (const javaScriptEnabled of [true, false]) {
  const context = await open(looks[0], { javaScriptEnabled });
  const page = await context.newPage();
  await signIn(page);
  await page.goto('/calls?period=all&limit=1000');
  for (const condition of ['direction=inbound', 'answered=unanswered']) {
    const link = page.locator(`table.calls tbody td a[href*="${condition}"]`).first();
    await Promise.all([page.waitForURL((url) => url.search.includes(condition)), link.click()]);
  }
  await page.waitForLoadState('load');
  const { search } = new URL(page.url());
  const left = await page.$$eval('table.calls tbody tr td:first-child a', (links) => links.map((link) => link.getAttribute('href').split('/').pop()));
  say({ clicks: search, javaScriptEnabled, left });
  await context.close();
}
await browser.close();
