'use strict';

// Stands where a page loads Stripe.js from: as much of its documented surface as an adapter may use, and no more. Fields
// are a frame of js.stripe.com and a confirmation goes to api.stripe.com, as they do at Stripe, so that a page whose policy
// forbids either does not work. The cards are Stripe's published test numbers.
(() => {
  const cards = {
    4242424242424242: 'pm_card_visa',
    4000000000000002: 'pm_card_chargeDeclined',
    4000000000009995: 'pm_card_chargeDeclinedInsufficientFunds',
    4000002500003155: 'pm_card_threeDSecureRequired',
  };
  const only = (given, ...known) => {
    const odd = Object.keys(given).find((name) => !known.includes(name));
    if (odd) throw new Error('Unknown option: ' + odd);
  };

  window.Stripe = (key, options = {}) => {
    if (!/^pk_test_/.test(key)) throw new Error('Please call Stripe() with your publishable key.');
    only(options, 'locale');
    const frame = document.createElement('iframe');
    let typed = '', submitted = false;
    addEventListener('message', ({ origin, data }) => {
      if (origin === 'https://js.stripe.com') frame.dataset.typed = typed = data; // for the test to know when it was heard
    });

    const element = () => {
      const listeners = {};
      const tell = (name, event) => listeners[name]?.(event);
      return {
        on(name, listener) {
          listeners[name] = listener;
          return this;
        },
        mount(target) {
          frame.title = 'Secure payment input frame';
          frame.style.width = '100%';
          frame.style.border = '0';
          frame.src = 'https://js.stripe.com/fields.html?locale=' + options.locale;
          frame.addEventListener('load', () => tell('ready', {}));
          target.replaceChildren(frame);
        },
      };
    };

    return {
      elements(settings) {
        only(settings, 'clientSecret', 'appearance');
        if (!/^pi_\w+_secret_\w+$/.test(settings.clientSecret)) throw new Error('Invalid value for elements(): clientSecret');
        return {
          create(kind) {
            if (kind !== 'payment') throw new Error('A valid Element name must be provided.');
            return element();
          },
          async submit() {
            submitted = !!typed;
            return submitted ? {} : { error: { type: 'validation_error', message: 'Your card number is incomplete.' } };
          },
        };
      },
      async confirmPayment(settings) {
        only(settings, 'elements', 'clientSecret', 'confirmParams', 'redirect');
        if (!submitted) throw new Error('elements.submit() must be called before stripe.confirmPayment().');
        submitted = false;
        const { clientSecret, confirmParams: { return_url }, redirect } = settings;
        const response = await fetch('https://api.stripe.com/v1/payment_intents/' + clientSecret.split('_secret_')[0] + '/confirm', {
          method: 'POST',
          headers: { Authorization: 'Bearer ' + key },
          body: new URLSearchParams({ client_secret: clientSecret, payment_method: cards[typed] ?? 'pm_unknown', return_url }),
        });
        const answer = await response.json();
        if (answer.error) return { error: answer.error };
        const away = answer.next_action?.redirect_to_url.url ?? (redirect === 'if_required' ? '' : return_url);
        if (!away) return { paymentIntent: answer };
        location.assign(away);
        return new Promise(() => {});
      },
    };
  };
})();
