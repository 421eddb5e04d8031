'use strict';

// The published receiver as it stands, between the two rulers, with the least around it that makes it run.
// WEBHOOK_SECRET is the endpoint's secret, RECEIVER_EXPRESS is 5 (default) or 4. It prints its port, answers on
// GET /accepted how many webhooks it took, and ends when its standard input does.
const express = require(process.env.RECEIVER_EXPRESS === '4' ? 'express4' : 'express5');

const SECRET = process.env.WEBHOOK_SECRET;
let accepted = 0;

const app = express();
app.use(express.json());
app.get('/accepted', (req, res) => res.send(String(accepted)));

// ---------------------------------------------------------------------------------------------------------------------
const crypto = require('crypto');

// Header format: t=timestamp,v1=signature
function verifySignature(payload, signatureHeader, secret) {
  const [timestamp, hash] = signatureHeader
    .split(',')
    .map(p => p.split('=')[1]);

  const expected = crypto
    .createHmac('sha256', secret)
    .update(`${timestamp}.${payload}`)
    .digest('hex');

  return hash === expected;
}

app.post('/webhook', (req, res) => {
  const signature = req.headers['x-jopay-signature'];
  if (!verifySignature(JSON.stringify(req.body), signature, SECRET)) {
    return res.status(401).send('Invalid signature');
  }
  // Handle the event
  // -------------------------------------------------------------------------------------------------------------------
  accepted++;
  res.sendStatus(200);
});

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('close', () => process.exit(0)).resume();
