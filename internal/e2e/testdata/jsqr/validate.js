'use strict';

// Reads {"name": "page", …} from standard input and writes what html-validate finds in each page, one line a finding.
const { readFileSync } = require('fs');
const { HtmlValidate, StaticConfigLoader } = require('html-validate');

const judge = new HtmlValidate(new StaticConfigLoader({ extends: ['html-validate:standard'] }));
for (const [name, page] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  for (const { messages } of judge.validateStringSync(page).results) {
    for (const m of messages) console.log(`${name}:${m.line}: ${m.ruleId}: ${m.message}: ${page.split('\n')[m.line - 1].slice(0, 160)}`);
  }
}
