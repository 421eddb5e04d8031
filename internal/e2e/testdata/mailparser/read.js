// Reads raw mails, one in base64 on each line, and prints what a mail program makes of each, one JSON object a line.
'use strict'
const { simpleParser } = require('mailparser')

async function main () {
  let input = ''
  for await (const part of process.stdin) input += part
  for (const line of input.split('\n').filter(Boolean)) {
    const mail = await simpleParser(Buffer.from(line, 'base64'), { skipHtmlToText: true, skipImageLinks: true })
    console.log(JSON.stringify({
      headers: mail.headerLines.map(h => h.key),
      values: Object.fromEntries(mail.headerLines.map(h => [h.key, h.line])),
      from: mail.from.value,
      to: mail.to.value,
      replyTo: mail.replyTo ? mail.replyTo.value : [],
      subject: mail.subject,
      id: mail.messageId,
      dated: mail.date instanceof Date,
      text: mail.text || '',
      html: mail.html || '',
      attachments: mail.attachments.map(a => ({
        name: a.filename, type: a.contentType, id: a.cid || '', disposition: a.contentDisposition, content: a.content.toString('base64')
      }))
    }))
  }
}

main().catch(err => { console.error(err); process.exit(1) })
